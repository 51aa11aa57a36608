/* The executor: runs a program over arrays of any length, every step on a strip while it is in L1.
 *
 * Inputs are read where they are. Outputs are written where they are ("direct") unless one is the
 * same memory as an input, or of another dtype than the registers: then the value stays in a
 * register and is copied when the strip is done. No other memory is touched than the registers, a
 * sum for each strip, and the buffers of a kernel that must see an array as a whole.
 *
 * The border of a strip depends on nothing but its number, and sums of strips are combined in
 * order, so that results are the same to the bit for every number of threads.
 *
 * Strips of 256 f32 take 40% less time than whole pages where memory is what limits, since all
 * arrays are then read side by side; so a call must cost next to nothing, and is prepared once for
 * all strips. Stores past the caches do not pay: they need a pass of their own over each strip.
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
    _Atomic int64_t failed; /* the first strip that failed, or NONE */
    int32_t code;
} Frame;

static int64_t round_up(int64_t size) { return (size + LINE - 1) & -LINE; }

static int64_t strips_of(const Frame *frame) {
    return (frame->n + frame->program->strip - 1) / frame->program->strip;
}

/* Of several failures the one of the first strip counts, as if they had run in order. */
static void report(Frame *frame, int64_t strip, const Step *step, int32_t code,
                   const char *message) {
    while (atomic_flag_test_and_set_explicit(&frame->reporting, memory_order_acquire))
        ;
    if (strip < atomic_load_explicit(&frame->failed, memory_order_relaxed)) {
        const hologram_call *call = frame->call;
        const char *name = step != NULL ? step->name : "circuit";
        if (*message != '\0')
            hologram_fail(call, code, "%s: %s", name, message);
        else
            hologram_fail(call, code, "%s failed with code %d", name, (int)code);
        frame->code = code;
        atomic_store_explicit(&frame->failed, strip, memory_order_relaxed);
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

/* False where a step has failed; strip is for the report. */
static inline bool run_steps(Frame *frame, const Steps *steps, void *const *place, int64_t n,
                             int64_t strip, const hologram_host *host) {
    char error[ERROR_SIZE];
    for (int i = 0; i < steps->count; i++) {
        int32_t code = run_step(&steps->step[i], place, n, host, error);
        if (code != HOLOGRAM_OK) {
            report(frame, strip, &steps->step[i], code, error);
            return false;
        }
    }
    return true;
}

/* ---- strips -------------------------------------------------------------------------------- */

/* Where a place is: at base + i * step for strip i. */
typedef struct {
    char *base;
    int64_t step;
} Track;

/* A step whose call is ready but for the arguments that move. */
typedef struct {
    hologram_call call;
    void *args[MAX_ARGS];
    int64_t lengths[MAX_ARGS];
} Prepared;

typedef struct {
    void **arg;
    Track track;
} Mover;

/* What one thread needs for a pass: one block of memory. */
typedef struct {
    Track track[MAX_PLACES];
    void *place[MAX_PLACES]; /* the bases, for steps that run once */
    Prepared *prepared;
    Mover *mover;
    int movers;
    int64_t n; /* elements of this strip, where all calls point to */
    char error[ERROR_SIZE];
    char *memory;
} Thread;

static int64_t param_item(const Program *program) {
    return program->narrow != NULL ? 2 : program->item;
}

static void lay_tracks(const Frame *frame, Thread *thread, char *registers) {
    const Program *program = frame->program;
    const Pass *pass = frame->pass;
    const int64_t step = program->strip * program->item;
    Track *track = thread->track;
    for (int i = 0; i < program->first_register; i++)
        track[i] = (Track){frame->place[i], 0};
    for (int i = 0; i < program->inputs; i++)
        if (!program->param_single[i])
            track[i].step = program->strip * param_item(program);
    for (int i = program->first_buffer; i < program->first_partial; i++)
        track[i].step = step;
    for (int i = program->first_partial; i < program->first_register; i++)
        track[i].step = program->item;
    for (int i = 0; i < pass->registers; i++)
        track[program->first_register + i] = (Track){registers + i * round_up(step), 0};
    for (int i = 0; i < pass->stores && frame->direct; i++)
        if (pass->store[i].home && pass->store[i].place >= program->first_register)
            track[pass->store[i].place] = (Track){frame->call->args[pass->store[i].param], step};
    for (int i = 0; i < program->first_register + pass->registers; i++)
        thread->place[i] = track[i].base;
}

/* The length of a strip is told to all calls. */
static void set_lengths(const Steps *steps, Thread *thread, int64_t n) {
    thread->n = n;
    for (int i = 0; i < steps->count; i++) {
        const Step *step = &steps->step[i];
        Prepared *ready = &thread->prepared[i];
        for (int k = 0; k < step->args; k++)
            ready->lengths[k] = step->single[k] ? 1 : n;
        ready->call.end = n;
        if (!step->elementwise)
            ready->call.end = step->extent != NULL ? step->extent(&ready->call) : 1;
    }
}

static void prepare(const Steps *steps, Thread *thread) {
    thread->movers = 0;
    thread->error[0] = '\0';
    for (int i = 0; i < steps->count; i++) {
        const Step *step = &steps->step[i];
        Prepared *ready = &thread->prepared[i];
        ready->call = (hologram_call){.size = sizeof(hologram_call),
                                      .error_size = ERROR_SIZE,
                                      .args = ready->args,
                                      .lengths = ready->lengths,
                                      .dims = &thread->n,
                                      .context = step->context,
                                      .error = thread->error};
        for (int k = 0; k < step->args; k++) {
            const Track track = thread->track[step->place[k]];
            ready->args[k] = track.base;
            if (track.step != 0)
                thread->mover[thread->movers++] = (Mover){&ready->args[k], track};
        }
    }
}

/* False where there is no memory. */
static bool start_thread(const Frame *frame, Thread *thread) {
    const Pass *pass = frame->pass;
    const int64_t registers =
        pass->registers * round_up(frame->program->strip * frame->program->item);
    const int64_t prepared = round_up(pass->each.count * (int64_t)sizeof(Prepared));
    const int64_t movers = round_up(pass->each.count * (int64_t)sizeof(Mover) * MAX_ARGS);
    thread->memory = malloc((size_t)(registers + prepared + movers + LINE));
    if (thread->memory == NULL)
        return false;
    char *next = (char *)round_up((int64_t)(intptr_t)thread->memory);
    lay_tracks(frame, thread, next);
    thread->prepared = (Prepared *)(next + registers);
    thread->mover = (Mover *)(next + registers + prepared);
    prepare(&pass->each, thread);
    return true;
}

static inline bool run_strip(Frame *frame, Thread *thread, int64_t strip) {
    const Steps *steps = &frame->pass->each;
    for (int i = 0; i < thread->movers; i++) {
        const Mover *mover = &thread->mover[i];
        *mover->arg = mover->track.base + strip * mover->track.step;
    }
    for (int i = 0; i < steps->count; i++) {
        int32_t code = steps->step[i].entry(&thread->prepared[i].call);
        if (code != HOLOGRAM_OK) {
            report(frame, strip, &steps->step[i], code, thread->error);
            return false;
        }
    }
    return true;
}

/* Outputs get `count` elements from `first` on, unless they are there already. */
static void store_output(const Frame *frame, const Store *store, const void *from, int64_t first,
                         int64_t count) {
    const Program *program = frame->program;
    char *to = (char *)frame->call->args[store->param] + first * param_item(program);
    if (program->narrow != NULL)
        program->narrow((uint16_t *)to, from, count);
    else
        memmove(to, from, (size_t)(count * program->item));
}

static void store_strip(const Frame *frame, const Thread *thread, int64_t strip) {
    for (int i = 0; i < frame->pass->stores; i++) {
        const Store *store = &frame->pass->store[i];
        const Track *track = &thread->track[store->place];
        if (!(frame->direct && store->home))
            store_output(frame, store, track->base + strip * track->step,
                         strip * frame->program->strip, thread->n);
    }
}

/* A hologram_task_fn: strips [begin, end) of a pass. */
static void run_strips(void *work, int64_t begin, int64_t end) {
    Frame *frame = work;
    const Pass *pass = frame->pass;
    const int64_t strip = frame->program->strip;
    Thread thread;
    if (!start_thread(frame, &thread)) {
        report(frame, begin, NULL, HOLOGRAM_FAILED, "out of memory");
        return;
    }
    set_lengths(&pass->each, &thread, strip);
    bool runs = run_steps(frame, &pass->once, thread.place, strip, begin, NULL);
    for (int64_t i = begin; runs && i < end; i++) {
        if (i > atomic_load_explicit(&frame->failed, memory_order_relaxed))
            break;
        if (frame->n - i * strip < strip)
            set_lengths(&pass->each, &thread, frame->n - i * strip);
        runs = run_strip(frame, &thread, i);
        if (runs)
            store_strip(frame, &thread, i);
    }
    free(thread.memory);
}

/* ---- folds --------------------------------------------------------------------------------- */

/* A strip of partials becomes one, until one is left: the order is that of the strips. */
static bool combine(Frame *frame, const Fold *fold) {
    const Program *program = frame->program;
    const int64_t item = program->item;
    char *partials = frame->place[fold->partials], error[ERROR_SIZE];
    _Alignas(CELL) char result[CELL]; /* since a kernel may not write what it reads */
    int64_t count = strips_of(frame);
    do {
        int64_t next = 0;
        for (int64_t i = 0; i < count; i += program->strip) {
            void *const place[2] = {partials + i * item, result};
            int64_t part = count - i < program->strip ? count - i : program->strip;
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
    const int64_t strips = strips_of(frame);
    if (pass->each.count > 0 || pass->stores > 0) {
        if (frame->n > frame->program->split_from)
            hologram_run(frame->call, run_strips, frame, strips, 1);
        else
            run_strips(frame, 0, strips);
    }
    for (int i = 0; i < pass->folds && !has_failed(frame); i++)
        combine(frame, &pass->fold[i]);
    if (!has_failed(frame))
        run_steps(frame, &pass->after, frame->place, frame->n, 0, host_of(frame->call));
}

/* Registers are pages, but that of an output is the output itself where it can be. */
static int64_t place_registers(Frame *frame, char *memory) {
    const Program *program = frame->program;
    const int first = program->first_register;
    const int64_t width = round_up(frame->n * program->item);
    for (int i = 0; i < program->flat.registers; i++)
        frame->place[first + i] = memory + i * width;
    for (int i = 0; i < program->flat.stores && frame->direct; i++)
        if (program->flat.store[i].home)
            frame->place[program->flat.store[i].place] =
                frame->call->args[program->flat.store[i].param];
    return program->flat.registers * width;
}

/* An array of one page: every step runs once. */
static void run_flat(Frame *frame) {
    const Pass *pass = frame->pass = &frame->program->flat;
    _Alignas(LINE) char small[SMALL];
    char *large = NULL;
    const int64_t size = place_registers(frame, small);
    if (size > SMALL) {
        large = malloc((size_t)(size + LINE));
        if (large == NULL) {
            report(frame, 0, NULL, HOLOGRAM_FAILED, "out of memory");
            return;
        }
        place_registers(frame, (char *)round_up((int64_t)(intptr_t)large));
    }
    if (run_steps(frame, &pass->each, frame->place, frame->n, 0, NULL))
        for (int i = 0; i < pass->stores; i++)
            if (!(frame->direct && pass->store[i].home))
                store_output(frame, &pass->store[i], frame->place[pass->store[i].place], 0,
                             frame->n);
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
    const int64_t partial = round_up(strips_of(frame) * program->item);
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
