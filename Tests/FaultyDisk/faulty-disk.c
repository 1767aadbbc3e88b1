// A disk that misbehaves on demand, in front of the C library: LD_PRELOAD=libFaultyDisk.so, and in the environment
//
//   FAULTY_DISK_CALLS   which calls, with commas: write, sync, rename, truncate, unlink, send; without it, all of them
//   FAULTY_DISK_PATH    only files whose path begins so; "socket:" for what is sent to a database
//   FAULTY_DISK_AT      the number of the call that it happens at, from 1; 0: at every one
//   FAULTY_DISK_DO      kill-before, kill-after, kill-half (of the bytes of a write), fail, fail-after (done, and said to
//                       have failed), or delay
//   FAULTY_DISK_VALUE   errno for fail and fail-after, milliseconds for delay
//   FAULTY_DISK_SWITCH  a path; nothing happens, and nothing is counted, while there is no such file
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum what { NOTHING, KILL_BEFORE, KILL_AFTER, KILL_HALF, FAIL, FAIL_AFTER, DELAY };

static const char *calls, *prefix, *switch_path;
static long at, value;
static enum what todo;
static atomic_long seen;

__attribute__((constructor)) static void read_environment(void) {
    const char *word = getenv("FAULTY_DISK_DO");
    const char *names[] = {"", "kill-before", "kill-after", "kill-half", "fail", "fail-after", "delay"};
    for (int i = KILL_BEFORE; word && i <= DELAY; i++)
        if (!strcmp(word, names[i])) todo = (enum what)i;
    calls = getenv("FAULTY_DISK_CALLS");
    prefix = getenv("FAULTY_DISK_PATH");
    switch_path = getenv("FAULTY_DISK_SWITCH");
    at = atol(getenv("FAULTY_DISK_AT") ?: "0");
    value = atol(getenv("FAULTY_DISK_VALUE") ?: "5");
}

static int is_meant(const char *call, int file, const char *path) {
    char link[64], name[4096];
    if (calls && !strstr(calls, call)) return 0;
    if (prefix && !path) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        ssize_t length = readlink(link, name, sizeof name - 1);
        if (length < 0) return 0;
        name[length] = 0;
        path = name;
    }
    if (prefix && strncmp(path, prefix, strlen(prefix))) return 0;
    if (switch_path && access(switch_path, F_OK)) return 0;
    return 1;
}

static enum what judge(const char *call, int file, const char *path) {
    int before = errno;
    enum what now = NOTHING;
    if (todo && is_meant(call, file, path)) {
        long number = atomic_fetch_add(&seen, 1) + 1;
        if (at == 0 || number == at) now = todo;
    }
    errno = before;
    if (now == KILL_BEFORE) kill(getpid(), SIGKILL);
    if (now == DELAY) {
        struct timespec pause = {value / 1000, value % 1000 * 1000000};
        nanosleep(&pause, NULL);
    }
    return now;
}

static int end(enum what now) {
    if (now == KILL_AFTER || now == KILL_HALF) kill(getpid(), SIGKILL);
    if (now != FAIL_AFTER) return 0;
    errno = (int)value;
    return 1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define JUDGED(call, file, path, type, run) \
    enum what now = judge(call, file, path); \
    if (now == FAIL) { errno = (int)value; return -1; } \
    type result = run; \
    return end(now) ? -1 : result
#define HALF(count) (now == KILL_HALF ? (count) / 2 : (count))

int fsync(int file) { REAL(fsync); JUDGED("sync", file, NULL, int, real(file)); }
int fdatasync(int file) { REAL(fdatasync); JUDGED("sync", file, NULL, int, real(file)); }
int ftruncate(int file, off_t size) { REAL(ftruncate); JUDGED("truncate", file, NULL, int, real(file, size)); }
int ftruncate64(int file, off64_t size) { REAL(ftruncate64); JUDGED("truncate", file, NULL, int, real(file, size)); }
int rename(const char *from, const char *to) { REAL(rename); JUDGED("rename", -1, to, int, real(from, to)); }
int unlink(const char *path) { REAL(unlink); JUDGED("unlink", -1, path, int, real(path)); }

ssize_t write(int file, const void *bytes, size_t count) {
    REAL(write);
    // What the program says to people, and its sockets and wake-ups, are no disk.
    if (!prefix || file <= 2) return real(file, bytes, count);
    JUDGED("write", file, NULL, ssize_t, real(file, bytes, HALF(count)));
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t where) {
    REAL(pwrite);
    JUDGED("write", file, NULL, ssize_t, real(file, bytes, HALF(count), where));
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t where) {
    REAL(pwrite64);
    JUDGED("write", file, NULL, ssize_t, real(file, bytes, HALF(count), where));
}
// How libpq talks to PostgreSQL; nobody else in our programs does.
ssize_t send(int file, const void *bytes, size_t count, int flags) {
    REAL(send);
    if (!prefix) return real(file, bytes, count, flags);
    JUDGED("send", file, NULL, ssize_t, real(file, bytes, HALF(count), flags));
}
