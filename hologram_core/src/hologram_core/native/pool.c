/* The only thread pool of the house: a task over a range, in pieces, on several threads.
 *
 * Every thread of a task has a seat: a row of pieces of its own, the same ones each time a task of
 * that size runs, so that it finds them in its cache. When they are done it takes what is left at
 * the other seats, so that a core that is late delays nobody for longer than a piece.
 *
 * Workers start at the first call that wants them. After a task a worker looks out for the next one
 * for SPIN_NS, which saves the microseconds that waking costs, and then sleeps. One task runs at a
 * time; a call that finds the pool taken, as any from inside a task does, runs serially on its own
 * thread, so nesting cannot deadlock. After fork() the child starts over with no workers, also
 * when another thread's task was running. Where there are no POSIX threads every call runs
 * serially.
 */
#include "native.h"

void hologram_host_run(const hologram_host *host, hologram_task_fn task, void *work, int64_t total,
                       int64_t grain) {
    hologram_pool_run(task, work, total, grain, host->threads);
}

#if defined(_WIN32)

void hologram_pool_run(hologram_task_fn task, void *work, int64_t total, int64_t grain,
                       int threads) {
    (void)grain;
    (void)threads;
    if (total > 0)
        task(work, 0, total);
}

#else

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS      256
#define PIECES_PER_SEAT  8     /* enough to share out, few enough to cost nothing */
#define SPIN_NS          50000 /* as long as it takes to wake a few sleepers */
#define PAUSES_PER_CLOCK 32

#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("isb")
#else
#define PAUSE() ((void)0)
#endif

/* The pieces of one thread that nobody has taken: next <= piece < end. */
typedef struct {
    _Alignas(64) _Atomic int64_t next;
    int64_t end;
} Seat;

typedef struct {
    pthread_cond_t wake;
    bool asleep; /* under pool.lock */
} Worker;

static struct {
    pthread_mutex_t owner; /* held by the caller whose task runs; guards `workers` */
    pthread_mutex_t lock;  /* for going to sleep and waking */
    pthread_cond_t finish;
    int workers;               /* started so far; worker i has seat i + 1, the caller seat 0 */
    _Atomic bool spins;        /* whether looking out takes no core from anybody who works */
    _Atomic uint64_t sequence; /* of the task that runs */
    _Atomic bool open;         /* its fields below may be read */
    _Atomic int inside;        /* workers that may be reading them */
    _Atomic int sleepers;      /* workers that sleep, or are about to */
    _Atomic bool owner_waits;  /* for `inside` to become 0 */
    hologram_task_fn task;
    void *work;
    int64_t total, step; /* a piece has `step` items, the last one what is left */
    int seats;
    Worker worker[MAX_THREADS];
    Seat seat[MAX_THREADS];
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .finish = PTHREAD_COND_INITIALIZER};

static pthread_once_t fork_handler = PTHREAD_ONCE_INIT;

/* ---- pieces --------------------------------------------------------------------------------- */

/* Runs the pieces of a seat, then those that are left at the others. */
static void work_from(int first) {
    for (int i = 0; i < pool.seats; i++) {
        Seat *seat = &pool.seat[(first + i) % pool.seats];
        for (;;) {
            int64_t piece = atomic_fetch_add_explicit(&seat->next, 1, memory_order_relaxed);
            if (piece >= seat->end)
                break;
            int64_t begin = piece * pool.step, left = pool.total - begin;
            pool.task(pool.work, begin, begin + (left < pool.step ? left : pool.step));
        }
    }
}

/* `units` of `grain` items become pieces, and each seat gets as many of them as any other. */
static void lay_out(int64_t units, int64_t grain, int seats) {
    int64_t most = (int64_t)seats * PIECES_PER_SEAT;
    int64_t units_per_piece = units > most ? (units + most - 1) / most : 1;
    int64_t pieces = (units + units_per_piece - 1) / units_per_piece;
    pool.step = units_per_piece * grain;
    pool.seats = seats;
    for (int i = 0; i < seats; i++) {
        pool.seat[i].end = pieces * (i + 1) / seats;
        atomic_store_explicit(&pool.seat[i].next, pieces * i / seats, memory_order_relaxed);
    }
}

/* ---- waiting -------------------------------------------------------------------------------- */

static int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

typedef bool condition_fn(uint64_t given);

/* Looks out for a condition, for SPIN_NS at most. */
static bool spin_for(condition_fn *condition, uint64_t given) {
    int64_t deadline = clock_ns() + SPIN_NS;
    do {
        for (int i = 0; i < PAUSES_PER_CLOCK; i++) {
            if (condition(given))
                return true;
            PAUSE();
        }
    } while (atomic_load_explicit(&pool.spins, memory_order_relaxed) && clock_ns() < deadline);
    return false;
}

static bool is_new_task(uint64_t seen) { return atomic_load(&pool.sequence) != seen; }

static bool nobody_inside(uint64_t unused) {
    (void)unused;
    return atomic_load(&pool.inside) == 0;
}

/* Whoever sleeps says so before the last look, and whoever changes something does that before
 * looking for sleepers: one of the two sees the other. */
static void sleep_until_new_task(Worker *self, uint64_t seen) {
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.sleepers, 1);
    while (!is_new_task(seen)) {
        self->asleep = true;
        pthread_cond_wait(&self->wake, &pool.lock);
    }
    self->asleep = false;
    atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.lock);
}

static void wake_workers(int count) {
    if (atomic_load(&pool.sleepers) == 0)
        return;
    pthread_mutex_lock(&pool.lock);
    for (int i = 0; i < count; i++)
        if (pool.worker[i].asleep)
            pthread_cond_signal(&pool.worker[i].wake);
    pthread_mutex_unlock(&pool.lock);
}

static void wait_until_nobody_inside(void) {
    if (spin_for(nobody_inside, 0))
        return;
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.owner_waits, true);
    while (!nobody_inside(0))
        pthread_cond_wait(&pool.finish, &pool.lock);
    atomic_store(&pool.owner_waits, false);
    pthread_mutex_unlock(&pool.lock);
}

/* ---- workers -------------------------------------------------------------------------------- */

/* A worker counts itself inside before it looks whether the task is open, and the owner closes the
 * task before it looks whether somebody is inside: no field changes under a reader. */
static void join_task(int seat) {
    atomic_fetch_add(&pool.inside, 1);
    if (atomic_load(&pool.open) && seat < pool.seats)
        work_from(seat);
    if (atomic_fetch_sub(&pool.inside, 1) == 1 && atomic_load(&pool.owner_waits)) {
        pthread_mutex_lock(&pool.lock);
        pthread_cond_signal(&pool.finish);
        pthread_mutex_unlock(&pool.lock);
    }
}

static void *work_for_ever(void *argument) {
    Worker *self = argument;
    int seat = (int)(self - pool.worker) + 1;
    uint64_t seen = 0;
    for (;;) {
        if (!spin_for(is_new_task, seen))
            sleep_until_new_task(self, seen);
        seen = atomic_load(&pool.sequence);
        join_task(seat);
    }
    return NULL;
}

/* Brings the number of workers up to `wanted`; fewer where the system refuses more. */
static void start_workers(int wanted) {
    while (pool.workers < wanted) {
        Worker *worker = &pool.worker[pool.workers];
        pthread_t thread;
        pthread_attr_t detached;
        pthread_cond_init(&worker->wake, NULL);
        pthread_attr_init(&detached);
        pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
        int refused = pthread_create(&thread, &detached, work_for_ever, worker);
        pthread_attr_destroy(&detached);
        if (refused)
            return;
        pool.workers++;
    }
}

static void start_over_in_child(void) {
    pthread_mutex_init(&pool.owner, NULL);
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.finish, NULL);
    pool.workers = 0;
    atomic_store(&pool.sequence, 0);
    atomic_store(&pool.open, false);
    atomic_store(&pool.inside, 0);
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.owner_waits, false);
    memset(pool.worker, 0, sizeof pool.worker);
}

static void install_fork_handler(void) { pthread_atfork(NULL, NULL, start_over_in_child); }

/* ---- a task --------------------------------------------------------------------------------- */

void hologram_pool_run(hologram_task_fn task, void *work, int64_t total, int64_t grain,
                       int threads) {
    if (total <= 0)
        return;
    grain = grain > 0 ? grain : 1;
    int64_t units = total / grain + (total % grain > 0);
    int seats = threads < MAX_THREADS ? threads : MAX_THREADS;
    seats = seats < units ? seats : (int)units;
    if (seats < 2 || pthread_mutex_trylock(&pool.owner) != 0) {
        task(work, 0, total);
        return;
    }
    pthread_once(&fork_handler, install_fork_handler);
    start_workers(seats - 1);
    atomic_store(&pool.spins, pool.workers < sysconf(_SC_NPROCESSORS_ONLN));
    pool.task = task;
    pool.work = work;
    pool.total = total;
    lay_out(units, grain, seats);
    atomic_store(&pool.open, true);
    atomic_fetch_add(&pool.sequence, 1);
    wake_workers(seats - 1);
    work_from(0);
    atomic_store(&pool.open, false);
    wait_until_nobody_inside();
    pthread_mutex_unlock(&pool.owner);
}

#endif
