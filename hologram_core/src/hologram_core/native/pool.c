/* The only thread pool of the house: a task over a range, split into equal pieces.
 *
 * Workers start at the first call that wants them and then wait. One task runs at a time; a call
 * that finds the pool taken, or that comes from inside a task, runs serially on its own thread, so
 * nesting cannot deadlock. After fork() the child starts over with no workers. Where there are no
 * POSIX threads every call runs serially.
 */
#include "native.h"

#if defined(_WIN32)

void hologram_pool_run(PoolTask task, void *work, int64_t total, int64_t grain, int threads) {
    (void)grain;
    (void)threads;
    task(work, 0, total);
}

#else

#include <pthread.h>

#define MAX_THREADS 256

static struct {
    pthread_mutex_t owner; /* held by the caller whose task runs */
    pthread_mutex_t lock;  /* guards all below */
    pthread_cond_t start, finish;
    int workers;       /* started so far */
    uint64_t sequence; /* of the task that runs */
    int pieces, next, running;
    PoolTask task;
    void *work;
    int64_t total, step;
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .start = PTHREAD_COND_INITIALIZER,
          .finish = PTHREAD_COND_INITIALIZER};

static _Thread_local bool inside_task;
static pthread_once_t fork_handler = PTHREAD_ONCE_INIT;

/* Takes pieces until there are none. Called and left with the lock held. */
static void take_pieces(void) {
    inside_task = true;
    while (pool.next < pool.pieces) {
        int64_t begin = pool.step * pool.next++;
        int64_t end = begin + pool.step < pool.total ? begin + pool.step : pool.total;
        PoolTask task = pool.task;
        void *work = pool.work;
        pool.running++;
        pthread_mutex_unlock(&pool.lock);
        task(work, begin, end);
        pthread_mutex_lock(&pool.lock);
        pool.running--;
    }
    inside_task = false;
}

static void *worker(void *unused) {
    (void)unused;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (pool.sequence == seen)
            pthread_cond_wait(&pool.start, &pool.lock);
        seen = pool.sequence;
        take_pieces();
        if (pool.running == 0)
            pthread_cond_signal(&pool.finish);
    }
    return NULL;
}

static void start_over_in_child(void) {
    pthread_mutex_init(&pool.owner, NULL);
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.start, NULL);
    pthread_cond_init(&pool.finish, NULL);
    pool.workers = pool.running = pool.pieces = pool.next = 0;
    inside_task = false;
}

static void install_fork_handler(void) { pthread_atfork(NULL, NULL, start_over_in_child); }

/* Brings the number of workers up to `wanted`; fewer where the system refuses more. */
static void start_workers(int wanted) {
    while (pool.workers < wanted) {
        pthread_t thread;
        pthread_attr_t detached;
        pthread_attr_init(&detached);
        pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
        int refused = pthread_create(&thread, &detached, worker, NULL);
        pthread_attr_destroy(&detached);
        if (refused)
            return;
        pool.workers++;
    }
}

void hologram_pool_run(PoolTask task, void *work, int64_t total, int64_t grain, int threads) {
    int64_t units = (total + grain - 1) / grain;
    int pieces = threads < units ? threads : (int)units;
    if (pieces > MAX_THREADS)
        pieces = MAX_THREADS;
    pthread_once(&fork_handler, install_fork_handler);
    if (pieces < 2 || inside_task || pthread_mutex_trylock(&pool.owner) != 0) {
        task(work, 0, total);
        return;
    }
    pthread_mutex_lock(&pool.lock);
    start_workers(pieces - 1);
    pool.task = task;
    pool.work = work;
    pool.total = total;
    pool.step = (units + pieces - 1) / pieces * grain;
    pool.pieces = (int)((total + pool.step - 1) / pool.step);
    pool.next = 0;
    pool.sequence++;
    pthread_cond_broadcast(&pool.start);
    take_pieces();
    while (pool.running > 0)
        pthread_cond_wait(&pool.finish, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
    pthread_mutex_unlock(&pool.owner);
}

#endif
