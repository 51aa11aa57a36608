/* A program: what one circuit does, page by page, as the executor of pages.c reads it.
 *
 * A step calls one kernel. What it reads and writes are *places*, numbered in this order:
 *
 *     parameters   the arrays and numbers of the call, outputs last
 *     constants    one element each, in the program
 *     cells        one element each, in the call: sums, and what is computed from them
 *     buffers      whole arrays, for what a kernel wants as a whole
 *     partials     one element for each strip: the sum of that strip
 *     registers    one page or strip each, in the call and thread
 *
 * Arrays of at most one page take the pass `flat`, in which every step runs once. Longer ones take
 * `passes` one after the other, each strip by strip; a sum is known when its pass has ended, and
 * what comes after it is in the next one. Outputs are written in the last pass, when no other strip
 * of any input will be read, so that they may be the same memory as inputs. Without passes only one
 * page is served.
 */
#ifndef HOLOGRAM_SIGMATICS_PAGES_H
#define HOLOGRAM_SIGMATICS_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include <hologram/kernel.h>

#define MAX_ARGS   16 /* of a kernel or a circuit */
#define MAX_PLACES 512
#define CELL       8 /* bytes, enough for one element of any dtype */

#if defined(__x86_64__) || defined(_M_X64)
#define HOLOGRAM_X86
#endif

/* Bits of f32 become bits of f16, rounded to nearest, ties to even. */
typedef void narrow_fn(uint16_t *to, const uint32_t *from, int64_t count);

typedef struct {
    hologram_kernel_fn entry;
    hologram_extent_fn extent; /* of a kernel whose work items are not elements, or NULL */
    void *context;
    const char *name; /* of the op, for messages */
    int args;
    bool elementwise;
    bool one;              /* it works on single elements, whatever n is */
    bool single[MAX_ARGS]; /* the argument is one element */
    uint16_t place[MAX_ARGS];
} Step;

typedef struct {
    int count;
    Step *step;
} Steps;

/* `combine` takes partials (its place 0) to one element (its place 1), which becomes the cell. */
typedef struct {
    Step combine;
    uint16_t partials, cell;
} Fold;

/* An output is the value of a place; `home`: the place is its own, and can be the output itself. */
typedef struct {
    int param;
    uint16_t place;
    bool home;
} Store;

typedef struct {
    int registers;
    Steps once;  /* for each thread, before its first strip: numbers become strips */
    Steps each;  /* for each strip */
    Steps after; /* when all strips are done and all folds known */
    int folds, stores;
    Fold *fold;
    Store *store;
} Pass;

typedef struct {
    int params, inputs, constants, cells, buffers, partials, passes, singles;
    int first_constant, first_cell, first_buffer, first_partial, first_register; /* places */
    int dimension;      /* which of the call's dims is n; -1: the work items are the elements */
    int64_t page;       /* elements of the longest array that is one page */
    int64_t strip;      /* elements of a register in the passes */
    int64_t item;       /* bytes of an element in a register */
    narrow_fn *narrow;  /* NULL, or parameters are f16 and registers f32 */
    int64_t split_from; /* the n from which strips are shared out to threads */
    bool param_single[MAX_ARGS];
    char *constant;   /* CELL bytes each */
    int *buffer_home; /* the output that a buffer can be, or -1 */
    Pass flat;
    Pass *pass;
    Store *single; /* outputs of one element */
} Program;

/* The hologram_kernel_fn of every circuit; its context is a Program. */
int32_t hologram_run_pages(const hologram_call *call);

/* Kernels of the executor's own: see elements.c. */
int32_t hologram_fill_1(const hologram_call *call);
int32_t hologram_fill_2(const hologram_call *call);
int32_t hologram_fill_4(const hologram_call *call);
int32_t hologram_fill_8(const hologram_call *call);
int32_t hologram_not(const hologram_call *call);
int32_t hologram_widen_baseline(const hologram_call *call);
int32_t hologram_widen_avx2(const hologram_call *call);
void hologram_narrow_baseline(uint16_t *to, const uint32_t *from, int64_t count);
void hologram_narrow_avx2(uint16_t *to, const uint32_t *from, int64_t count);

#endif
