/* The executor: runs a program over arrays of any length, every step on a page while it is in L1.
 *
 * Inputs are read where they are. Outputs are written where they are ("direct") unless one is the
 * same memory as an input, or of another dtype than the registers: then the value stays in a
 * register and is copied when the page is done. No other memory is touched than the registers, a
 * sum for each page, and the buffers of a kernel that must see an array as a whole.
 *
 * The border of a page depends on nothing but its number, and sums of pages are combined in order,
 * so that results are the same to the bit for every number of threads.
 */
#include "pages.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LINE       64
#define SMALL      16384 /* bytes of registers that are on the stack */
#define ERROR_SIZE 512
#define NONE       INT64_MAX

/* ---- one call ------------------------------------------------------------------------------ */

typedef struct {
    const Program *program;
    const hologram_call *call;
    const Pass *pass;
    int64_t n;
    bool direct;
    void *place[MAX_PLACES]; /* of the whole call: registers are the threads' own */
    _Alignas(CELL) char cell[MAX_PLACES][CELL];
    atomic_flag reporting;
    _Atomic int64_t failed; /* the first page that failed, or NONE */
    int32_t code;
} Frame;

static int64_t round_up(int64_t size) { return (size + LINE - 1) & -LINE; }

static int64_t pages_of(const Frame *frame) {
    int64_t page = frame->program->page;
    return frame->n == 0 ? 1 : (frame->n + page - 1) / page;
}

/* Of several failures the one of the first page counts, as if the pages had run in order. */
static void report(Frame *frame, int64_t page, const Step *step, int32_t code,
                   const char *message) {
    while (atomic_flag_test_and_set_explicit(&frame->reporting, memory_order_acquire))
        ;
    if (page < atomic_load_explicit(&frame->failed, memory_order_relaxed)) {
        const hologram_call *call = frame->call;
        const char *name = step != NULL ? step->name : "circuit";
        if (*message != '\0')
            hologram_fail(call, code, "%s: %s", name, message);
        else
            hologram_fail(call, code, "%s failed with code %d", name, (int)code);
        frame->code = code;
        atomic_store_explicit(&frame->failed, page, memory_order_relaxed);
    }
    atomic_flag_clear_explicit(&frame->reporting, memory_order_release);
}

static bool has_failed(Frame *frame) {
    return atomic_load_explicit(&frame->failed, memory_order_relaxed) != NONE;
}

/* ---- steps --------------------------------------------------------------------------------- */

static inline int32_t run_step(const Step *step, void *const *place, int64_t n,
                               const hologram_host *host, char *error) {
    void *args[MAX_ARGS];
    int64_t lengths[MAX_ARGS];
    if (step->one)
        n = 1;
    for (int i = 0; i < step->args; i++) {
        args[i] = place[step->place[i]];
        lengths[i] = step->single[i] ? 1 : n;
    }
    hologram_call call = {.size = sizeof(hologram_call),
                          .error_size = ERROR_SIZE,
                          .args = args,
                          .lengths = lengths,
                          .dims = &n,
                          .begin = 0,
                          .end = n,
                          .context = step->context,
                          .error = error,
                          .host = host};
    if (!step->elementwise) {
        call.end = 1;
        if (step->extent != NULL)
            call.end = step->extent(&call);
    }
    error[0] = '\0';
    return step->entry(&call);
}

/* False where a step has failed; page is for the report. */
static inline bool run_steps(Frame *frame, const Steps *steps, void *const *place, int64_t n,
                             int64_t page, const hologram_host *host) {
    char error[ERROR_SIZE];
    for (int i = 0; i < steps->count; i++) {
        int32_t code = run_step(&steps->step[i], place, n, host, error);
        if (code != HOLOGRAM_OK) {
            report(frame, page, &steps->step[i], code, error);
            return false;
        }
    }
    return true;
}

/* ---- pages --------------------------------------------------------------------------------- */

/* A place that is elsewhere for every page. */
typedef struct {
    int place;
    char *base;
    int64_t step; /* bytes from one page to the next */
} Mover;

static int64_t param_item(const Program *program) {
    return program->narrow != NULL ? 2 : program->item;
}

static int list_movers(const Frame *frame, Mover *movers) {
    const Program *program = frame->program;
    const int64_t step = program->page * program->item;
    int count = 0;
    for (int i = 0; i < program->inputs; i++)
        if (!program->param_single[i])
            movers[count++] = (Mover){i, frame->place[i], program->page * param_item(program)};
    for (int i = program->first_buffer; i < program->first_partial; i++)
        movers[count++] = (Mover){i, frame->place[i], step};
    for (int i = program->first_partial; i < program->first_register; i++)
        movers[count++] = (Mover){i, frame->place[i], program->item};
    for (int i = 0; i < frame->pass->stores && frame->direct; i++) {
        const Store *store = &frame->pass->store[i];
        if (store->home && store->place >= program->first_register)
            movers[count++] = (Mover){store->place, frame->call->args[store->param], step};
    }
    return count;
}

/* Gives every register a page of memory, or the first one of the output whose home it is; the bytes
 * of all that are in memory. */
static int64_t place_registers(const Frame *frame, void **place, char *memory, int64_t width) {
    const int first = frame->program->first_register, end = first + frame->pass->registers;
    int64_t size = 0;
    for (int i = first; i < end; i++)
        place[i] = memory;
    for (int i = 0; i < frame->pass->stores && frame->direct; i++) {
        const Store *store = &frame->pass->store[i];
        if (store->home && store->place >= first)
            place[store->place] = frame->call->args[store->param];
    }
    for (int i = first; i < end; i++) {
        if (place[i] != memory)
            continue;
        place[i] = memory + size;
        size += width;
    }
    return size;
}

static void store_outputs(const Frame *frame, void *const *place, int64_t first, int64_t count) {
    const Program *program = frame->program;
    for (int i = 0; i < frame->pass->stores; i++) {
        const Store *store = &frame->pass->store[i];
        if (frame->direct && store->home)
            continue;
        char *to = (char *)frame->call->args[store->param] + first * param_item(program);
        if (program->narrow != NULL)
            program->narrow((uint16_t *)to, place[store->place], count);
        else
            memmove(to, place[store->place], (size_t)(count * program->item));
    }
}

/* A hologram_task_fn: pages [begin, end) of a pass. */
static void run_pages(void *work, int64_t begin, int64_t end) {
    Frame *frame = work;
    const Program *program = frame->program;
    const Pass *pass = frame->pass;
    const int64_t page = program->page, n = frame->n;
    void *place[MAX_PLACES];
    Mover movers[MAX_PLACES];
    _Alignas(LINE) char small[SMALL];
    char *large = NULL;

    memcpy(place, frame->place, (size_t)program->first_register * sizeof *place);
    const int64_t width = round_up((n < page ? n : page) * program->item);
    const int64_t size = place_registers(frame, place, small, width);
    if (size > SMALL) {
        large = malloc((size_t)(size + LINE));
        if (large == NULL) {
            report(frame, begin, NULL, HOLOGRAM_FAILED, "out of memory");
            return;
        }
        place_registers(frame, place, (char *)round_up((int64_t)(intptr_t)large), width);
    }
    const int moving = list_movers(frame, movers);
    bool runs = run_steps(frame, &pass->once, place, n < page ? n : page, begin, NULL);
    for (int64_t i = begin; runs && i < end; i++) {
        if (i > atomic_load_explicit(&frame->failed, memory_order_relaxed))
            break;
        const int64_t count = n - i * page < page ? n - i * page : page;
        for (int k = 0; k < moving; k++)
            place[movers[k].place] = movers[k].base + i * movers[k].step;
        runs = run_steps(frame, &pass->each, place, count, i, NULL);
        if (runs)
            store_outputs(frame, place, i * page, count);
    }
    free(large);
}

/* ---- folds --------------------------------------------------------------------------------- */

/* A page of partials becomes one, until one is left: the order is that of the pages. */
static bool combine(Frame *frame, const Fold *fold) {
    const Program *program = frame->program;
    const int64_t item = program->item;
    char *partials = frame->place[fold->partials], error[ERROR_SIZE];
    _Alignas(CELL) char result[CELL]; /* since a kernel may not write what it reads */
    int64_t count = pages_of(frame);
    do {
        int64_t next = 0;
        for (int64_t i = 0; i < count; i += program->page) {
            void *const place[2] = {partials + i * item, result};
            int64_t part = count - i < program->page ? count - i : program->page;
            int32_t code = run_step(&fold->combine, place, part, NULL, error);
            if (code != HOLOGRAM_OK) {
                report(frame, i, &fold->combine, code, error);
                return false;
            }
            memcpy(partials + next++ * item, result, (size_t)item);
        }
        count = next;
    } while (count > 1);
    memcpy(frame->place[fold->cell], partials, (size_t)item);
    return true;
}

/* ---- passes -------------------------------------------------------------------------------- */

static const hologram_host *host_of(const hologram_call *call) {
    return call->size >= offsetof(hologram_call, host) + sizeof call->host ? call->host : NULL;
}

static void run_pass(Frame *frame, const Pass *pass) {
    frame->pass = pass;
    const int64_t pages = pages_of(frame);
    if (pass->each.count > 0 || pass->stores > 0) {
        if (frame->n > frame->program->split_from)
            hologram_run(frame->call, run_pages, frame, pages, 1);
        else
            run_pages(frame, 0, pages);
    }
    for (int i = 0; i < pass->folds && !has_failed(frame); i++)
        combine(frame, &pass->fold[i]);
    if (!has_failed(frame))
        run_steps(frame, &pass->after, frame->place, frame->n, 0, host_of(frame->call));
}

/* Arrays of one page: the places of the call are those of the page. */
static void run_flat(Frame *frame) {
    const Pass *pass = frame->pass = &frame->program->flat;
    _Alignas(LINE) char small[SMALL];
    char *large = NULL;
    const int64_t width = round_up(frame->n * frame->program->item);
    const int64_t size = place_registers(frame, frame->place, small, width);
    if (size > SMALL) {
        large = malloc((size_t)(size + LINE));
        if (large == NULL) {
            report(frame, 0, NULL, HOLOGRAM_FAILED, "out of memory");
            return;
        }
        place_registers(frame, frame->place, (char *)round_up((int64_t)(intptr_t)large), width);
    }
    if (run_steps(frame, &pass->each, frame->place, frame->n, 0, NULL))
        store_outputs(frame, frame->place, 0, frame->n);
    free(large);
}

static bool outputs_are_apart(const Program *program, const hologram_call *call) {
    for (int i = program->inputs; i < program->params; i++)
        for (int k = 0; k < program->inputs; k++)
            if (call->args[i] == call->args[k])
                return false;
    return true;
}

/* Buffers and partials, in one block. False where there is no memory. */
static bool place_buffers(Frame *frame, char **memory) {
    const Program *program = frame->program;
    const int64_t buffer = round_up(frame->n * program->item);
    const int64_t partial = round_up(pages_of(frame) * program->item);
    const int64_t size = program->buffers * buffer + program->partials * partial;
    *memory = NULL;
    if (size > 0 && (*memory = malloc((size_t)(size + LINE))) == NULL)
        return false;
    char *next = (char *)round_up((int64_t)(intptr_t)*memory);
    for (int i = 0; i < program->buffers; i++, next += buffer) {
        int home = frame->direct ? program->buffer_home[i] : -1;
        frame->place[program->first_buffer + i] = home < 0 ? next : frame->call->args[home];
    }
    for (int i = 0; i < program->partials; i++, next += partial)
        frame->place[program->first_partial + i] = next;
    return true;
}

static void store_singles(const Frame *frame) {
    const Program *program = frame->program;
    for (int i = 0; i < program->singles; i++) {
        const Store *store = &program->single[i];
        if (program->narrow != NULL)
            program->narrow(frame->call->args[store->param], frame->place[store->place], 1);
        else
            memcpy(frame->call->args[store->param], frame->place[store->place],
                   (size_t)program->item);
    }
}

int32_t hologram_run_pages(const hologram_call *call) {
    const Program *program = call->context;
    Frame frame;
    frame.program = program;
    frame.call = call;
    frame.n = program->dimension < 0 ? call->end - call->begin : call->dims[program->dimension];
    frame.direct = program->narrow == NULL && outputs_are_apart(program, call);
    frame.code = HOLOGRAM_OK;
    atomic_flag_clear(&frame.reporting);
    atomic_init(&frame.failed, NONE);
    for (int i = 0; i < program->params; i++)
        frame.place[i] = call->args[i];
    for (int i = 0; i < program->constants; i++)
        frame.place[program->first_constant + i] = program->constant + i * CELL;
    for (int i = 0; i < program->cells; i++)
        frame.place[program->first_cell + i] = frame.cell[i];
    for (int i = program->first_buffer; i < program->first_register; i++)
        frame.place[i] = NULL; /* which arrays of one page have no use for */

    if (frame.n <= program->page) {
        run_flat(&frame);
    } else if (program->passes == 0) {
        return hologram_fail(call, HOLOGRAM_BAD_VALUE,
                             "rows of %lld elements, and some op has no kernel for more than %lld",
                             (long long)frame.n, (long long)program->page);
    } else {
        char *memory;
        if (!place_buffers(&frame, &memory))
            return hologram_fail(call, HOLOGRAM_FAILED, "out of memory");
        for (int i = 0; i < program->passes && !has_failed(&frame); i++)
            run_pass(&frame, &program->pass[i]);
        free(memory);
    }
    if (!has_failed(&frame))
        store_singles(&frame);
    return frame.code;
}
