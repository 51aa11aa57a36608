/* The Hologram kernel ABI, version 1: all that a native kernel needs to know.
 *
 * A kernel is a plain C function. The runtime checks every argument before the call: each array
 * is C-contiguous, aligned for its dtype, in native byte order, as long as `lengths` says, and
 * overlaps no output unless the row allows it. A kernel reads its inputs, writes its outputs for
 * the work items begin <= id < end, and returns 0. It never keeps a pointer after it returns, and
 * may be called from several threads at once.
 *
 * A library exports one symbol, hologram_library_v1. C, C++, Rust and Zig authors need this page
 * and nothing else; python -c "import hologram_core; print(hologram_core.get_include())" tells
 * where it is.
 */
#ifndef HOLOGRAM_KERNEL_H
#define HOLOGRAM_KERNEL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOLOGRAM_ABI_VERSION 1

/* What a kernel returns. Any other non-zero code is a failure too and raises KernelError. */
enum {
    HOLOGRAM_OK = 0,
    HOLOGRAM_BAD_VALUE = 1, /* these arguments have no result: the caller gets a ValueError */
    HOLOGRAM_FAILED = 2     /* anything else: the caller gets a KernelError */
};

/* Some of the work of a kernel: `begin` <= i < `end`, on any thread. */
typedef void (*hologram_task_fn)(void *work, int64_t begin, int64_t end);

/* What the runtime lends to a kernel for one call. */
typedef struct hologram_host {
    uint32_t size;   /* sizeof of this struct as the runtime knows it; it grows at the end */
    int32_t threads; /* run() uses at most so many, the caller's included */
    /* Runs task over [0, total) in pieces whose borders are multiples of grain, and returns when
     * all are done. Called from inside a task, or while another call has the threads, it runs
     * everything on the thread of its caller. */
    void (*run)(const struct hologram_host *host, hologram_task_fn task, void *work, int64_t total,
                int64_t grain);
} hologram_host;

/* One invocation. */
typedef struct hologram_call {
    uint32_t size;       /* sizeof of this struct as the caller knows it; it grows at the end */
    uint32_t error_size; /* bytes behind `error` */
    void *const *args;   /* one per parameter, outputs last: array data, or a pointer to a scalar */
    const int64_t *lengths;    /* elements behind each args[i]; 1 for scalars */
    const int64_t *dims;       /* core dimensions, in order of first appearance in the signature */
    int64_t begin, end;        /* the work items to run: begin <= id < end */
    void *context;             /* the row's own */
    char *error;               /* filled on failure, NUL-terminated */
    const hologram_host *host; /* see hologram_run(); older runtimes' struct ends before it */
} hologram_call;

typedef int32_t (*hologram_kernel_fn)(const hologram_call *call);
typedef int64_t (*hologram_extent_fn)(
    const hologram_call *call); /* how many work items there are */

/* What a row promises. */
enum {
    HOLOGRAM_SPLITTABLE = 1, /* disjoint ranges of work items may run at once on several threads */
    HOLOGRAM_MAY_ALIAS = 2   /* an output may be exactly the same memory as an input */
};

/* One compiled body: isa is "baseline", "avx2" or "avx512" (non-x86 machines: "baseline"). */
typedef struct hologram_variant {
    const char *isa;
    hologram_kernel_fn fn;
} hologram_variant;

/* One kernel: one operation for one dtype.
 *
 * Signatures: "(),()->()" is element-wise, and its work items are the elements;
 * "(m,k),(k,n)->(m,n)" has core dimensions m, k, n; "(...)" is a whole array, flattened, whose
 * length is one dimension; "scalar" is a number; ":i64" after any of them gives it a dtype other
 * than the row's; "inout(n)" is read and written. Anything but an element-wise kernel is called
 * once per item of the leading batch dimensions, with one work item unless `extent` says otherwise.
 */
typedef struct hologram_kernel_row {
    const char *op;        /* "sigmoid" */
    const char *signature; /* "()->()" */
    const char *dtype;     /* "f32" */
    const char *doc;       /* one line, or NULL */
    int64_t min_n, max_n;  /* elements of the largest array it serves, both inclusive */
    uint32_t flags;
    uint32_t work; /* cost of one element, where 1 is one addition: decides threads and the GIL */
    const hologram_variant *variants;
    uint32_t variant_count;
    uint32_t reserved;         /* 0 */
    hologram_extent_fn extent; /* or NULL */
    void *context;             /* handed to every call, or NULL */
} hologram_kernel_row;

typedef struct hologram_library {
    uint32_t abi_version;    /* HOLOGRAM_ABI_VERSION; read before anything else */
    uint32_t size;           /* sizeof(hologram_library) as the library knows it */
    const char *producer;    /* who made it: "hologram-stdlib 0.1.0" */
    const char *source_hash; /* identifies what it was built from, or "" */
    const hologram_kernel_row *rows;
    uint32_t row_count;
    uint32_t row_size;    /* sizeof(hologram_kernel_row) as the library knows it */
    const char *manifest; /* JSON about what it was built from (docs/loader.md), or NULL */
} hologram_library;

#if defined(_WIN32)
#define HOLOGRAM_EXPORT __declspec(dllexport)
#else
#define HOLOGRAM_EXPORT __attribute__((visibility("default")))
#endif

/* The one symbol of a kernel library. The table is static and lives as long as the library. */
HOLOGRAM_EXPORT const hologram_library *hologram_library_v1(void);

/* return hologram_fail(call, HOLOGRAM_BAD_VALUE, "no minimum of %d elements", 0); */
static inline int32_t hologram_fail(const hologram_call *call, int32_t code, const char *format,
                                    ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(call->error, call->error_size, format, values);
    va_end(values);
    return code;
}

/* The caller's threads for a kernel that divides its work itself: task over [0, total), as
 * hologram_host.run does, or on this thread where the runtime lends none. */
static inline void hologram_run(const hologram_call *call, hologram_task_fn task, void *work,
                                int64_t total, int64_t grain) {
    if (call->size >= offsetof(hologram_call, host) + sizeof call->host && call->host != NULL)
        call->host->run(call->host, task, work, total, grain);
    else if (total > 0)
        task(work, 0, total);
}

#ifdef __cplusplus
}
#endif
#endif
