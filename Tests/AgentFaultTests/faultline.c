/* faultline: a shim between a program and its file system, for tests (LD_PRELOAD).
 *
 * Counts the operations that change something below FAULT_ROOT, and at number FAULT_AT does FAULT_WHAT:
 *   kill     the process dies before the operation
 *   torn     a write puts down half of its bytes, then the process dies; any other operation: as kill
 *   eio      this operation fails with EIO, once
 *   full     from here on nothing that needs space succeeds (ENOSPC)
 *   rofs     from here on nothing below the root can be changed (EROFS)
 * Into FAULT_SHADOW, if it is set, it copies what a power cut would leave: the contents of each file at its fsync, by inode
 * (f<inode>), and the names in each folder at its fsync (d<inode>). Operations are listed in FAULT_LOG.
 * With FAULT_SHARED, a file, what the program starts is met as well, in one count, and whoever dies takes the first process with
 * it: tools that it calls, and services that are started with the same environment. What such a service does before the first
 * process starts is not counted.
 * Limits: mmap, io_uring and system calls made without libc pass it by; a test checks with strace that there are none.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *root, *what, *shadow;
static size_t root_length;
static long at;
static int log_file = -1;
/* What all processes have in common: operations so far, errno of all that follows, the first process. */
struct common { long count; int sticky; int chief; };
static struct common own, *all = &own;
static int is_shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
    root = getenv("FAULT_ROOT");
    what = getenv("FAULT_WHAT");
    shadow = getenv("FAULT_SHADOW");
    const char *number = getenv("FAULT_AT"), *list = getenv("FAULT_LOG");
    at = number ? atol(number) : 0;
    root_length = root ? strlen(root) : 0;
    if (list) log_file = REAL(open)(list, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const char *shared = getenv("FAULT_SHARED");
    if (!shared) {
        /* Children (a health command) are not tested. */
        unsetenv("LD_PRELOAD");
        return;
    }
    int file = REAL(open)(shared, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    if (REAL(ftruncate)(file, sizeof own) == 0) {
        void *page = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (page != MAP_FAILED) { all = page; is_shared = 1; }
    }
    REAL(close)(file);
    /* A service that was there before says so, and is nobody's chief. */
    if (!getenv("FAULT_SERVICE") && all->chief == 0) all->chief = getpid();
}

static int below(const char *path) {
    return root && path && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

static const char *path_of(int file, char *buffer) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t n = readlink(link, buffer, PATH_MAX - 1);
    if (n < 0) return NULL;
    buffer[n] = 0;
    return buffer;
}

static void die(void) {
    if (all->chief > 0 && all->chief != getpid()) kill(all->chief, SIGKILL);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Counts an operation. Returns the errno that it is to fail with, or 0; -1 for a write that is to be torn. */
static int meet(const char *name, const char *path, int needs_space) {
    if (!below(path) || (is_shared && all->chief == 0)) return 0;
    int result = 0;
    pthread_mutex_lock(&lock);
    long count = __atomic_add_fetch(&all->count, 1, __ATOMIC_SEQ_CST);
    if (log_file >= 0) dprintf(log_file, "%ld %s %s\n", count, name, path + root_length);
    if (all->sticky == EROFS || (all->sticky == ENOSPC && needs_space)) result = all->sticky;
    if (at && count == at && what) {
        if (!strcmp(what, "kill")) die();
        if (!strcmp(what, "torn")) {
            if (strcmp(name, "write")) die();
            result = -1;
        }
        if (!strcmp(what, "eio")) result = EIO;
        if (!strcmp(what, "full")) { all->sticky = ENOSPC; if (needs_space) result = ENOSPC; }
        if (!strcmp(what, "rofs")) result = all->sticky = EROFS;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

#define MEET(name, path, space) do { int e = meet(name, path, space); if (e > 0) { errno = e; return -1; } } while (0)

static int opens(const char *path, int flags, mode_t mode, int (*real)(const char *, int, ...)) {
    int changes = (flags & O_CREAT && access(path, F_OK) != 0) || flags & O_TRUNC;
    if (changes) MEET(flags & O_CREAT ? "create" : "cut", path, 1);
    else if ((flags & O_ACCMODE) != O_RDONLY && below(path) && all->sticky == EROFS) { errno = EROFS; return -1; }
    return real(path, flags, mode);
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list l; va_start(l, flags); mode = va_arg(l, mode_t); va_end(l); }
int open(const char *path, int flags, ...) { MODE return opens(path, flags, mode, REAL(open)); }
int open64(const char *path, int flags, ...) { MODE return opens(path, flags, mode, REAL(open64)); }
int creat64(const char *path, mode_t mode) { return opens(path, O_CREAT | O_TRUNC | O_WRONLY, mode, REAL(open64)); }
int creat(const char *path, mode_t mode) { return opens(path, O_CREAT | O_TRUNC | O_WRONLY, mode, REAL(open)); }

static const char *absolute(int folder, const char *path, char *buffer) {
    if (path[0] == '/' || folder == AT_FDCWD) return path;
    if (!path_of(folder, buffer)) return path;
    size_t n = strlen(buffer);
    snprintf(buffer + n, PATH_MAX - n, "/%s", path);
    return buffer;
}

int openat(int folder, const char *path, int flags, ...) {
    MODE
    char b[PATH_MAX];
    const char *whole = absolute(folder, path, b);
    int changes = (flags & O_CREAT && faccessat(folder, path, F_OK, 0) != 0) || flags & O_TRUNC;
    if (changes) MEET(flags & O_CREAT ? "create" : "cut", whole, 1);
    return REAL(openat)(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
    MODE
    return openat(folder, path, flags, mode);
}

ssize_t write(int file, const void *bytes, size_t size) {
    char b[PATH_MAX];
    const char *path = path_of(file, b);
    int e = meet("write", path, 1);
    if (e > 0) { errno = e; return -1; }
    if (e < 0) { REAL(write)(file, bytes, size / 2); die(); }
    return REAL(write)(file, bytes, size);
}
ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
    char b[PATH_MAX];
    MEET("pwrite", path_of(file, b), 1);
    return REAL(pwrite)(file, bytes, size, offset);
}
ssize_t pwrite64(int file, const void *bytes, size_t size, off_t offset) { return pwrite(file, bytes, size, offset); }
ssize_t writev(int file, const struct iovec *parts, int n) {
    char b[PATH_MAX];
    MEET("writev", path_of(file, b), 1);
    return REAL(writev)(file, parts, n);
}

/* What a power cut from now on leaves of this file or folder. */
static void keep(int file) {
    struct stat s;
    char name[PATH_MAX], b[PATH_MAX];
    if (!shadow || fstat(file, &s)) return;
    snprintf(name, sizeof name, "%s/%c%lu", shadow, S_ISDIR(s.st_mode) ? 'd' : 'f', (unsigned long)s.st_ino);
    int out = REAL(open)(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0) return;
    if (!S_ISDIR(s.st_mode)) {
        char bytes[65536];
        off_t from = 0;
        int in = path_of(file, b) ? REAL(open)(b, O_RDONLY | O_CLOEXEC) : -1;
        for (ssize_t n; in >= 0 && (n = pread(in, bytes, sizeof bytes, from)) > 0; from += n) REAL(write)(out, bytes, n);
        if (in >= 0) close(in);
    } else if (path_of(file, b)) {
        DIR *folder = opendir(b);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            struct stat i;
            char target[PATH_MAX] = "";
            if (fstatat(file, entry->d_name, &i, AT_SYMLINK_NOFOLLOW)) continue;
            char kind = S_ISDIR(i.st_mode) ? 'd' : S_ISLNK(i.st_mode) ? 'l' : 'f';
            if (kind == 'l') { ssize_t n = readlinkat(file, entry->d_name, target, sizeof target - 1); if (n > 0) target[n] = 0; }
            dprintf(out, "%s\t%c\t%lu\t%s\n", entry->d_name, kind, (unsigned long)i.st_ino, target);
        }
        if (folder) closedir(folder);
    }
    close(out);
}

static int syncs(int file, int (*real)(int)) {
    char b[PATH_MAX];
    const char *path = path_of(file, b);
    MEET("sync", path, 0);
    int result = real(file);
    if (result == 0 && below(path)) keep(file);
    return result;
}
int fsync(int file) { return syncs(file, REAL(fsync)); }
int fdatasync(int file) { return syncs(file, REAL(fdatasync)); }

int rename(const char *from, const char *to) { MEET("rename", from, 0); return REAL(rename)(from, to); }
int renameat(int a, const char *from, int b, const char *to) {
    char x[PATH_MAX];
    MEET("rename", absolute(a, from, x), 0);
    return REAL(renameat)(a, from, b, to);
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    char x[PATH_MAX];
    MEET("rename", absolute(a, from, x), 0);
    return REAL(renameat2)(a, from, b, to, flags);
}
int unlink(const char *path) { MEET("unlink", path, 0); return REAL(unlink)(path); }
int unlinkat(int folder, const char *path, int flags) {
    char b[PATH_MAX];
    MEET("unlink", absolute(folder, path, b), 0);
    return REAL(unlinkat)(folder, path, flags);
}
int remove(const char *path) { MEET("unlink", path, 0); return REAL(remove)(path); }
int rmdir(const char *path) { MEET("rmdir", path, 0); return REAL(rmdir)(path); }
int mkdir(const char *path, mode_t mode) {
    if (access(path, F_OK) != 0) MEET("mkdir", path, 1);
    return REAL(mkdir)(path, mode);
}
int mkdirat(int folder, const char *path, mode_t mode) {
    char b[PATH_MAX];
    MEET("mkdir", absolute(folder, path, b), 1);
    return REAL(mkdirat)(folder, path, mode);
}
int symlink(const char *target, const char *path) { MEET("symlink", path, 1); return REAL(symlink)(target, path); }
int link(const char *from, const char *to) { MEET("link", to, 1); return REAL(link)(from, to); }
int ftruncate(int file, off_t size) {
    char b[PATH_MAX];
    MEET("ftruncate", path_of(file, b), 0);
    return REAL(ftruncate)(file, size);
}
int ftruncate64(int file, off_t size) { return ftruncate(file, size); }
int truncate(const char *path, off_t size) { MEET("ftruncate", path, 0); return REAL(truncate)(path, size); }
int chmod(const char *path, mode_t mode) { MEET("chmod", path, 0); return REAL(chmod)(path, mode); }
int fchmod(int file, mode_t mode) {
    char b[PATH_MAX];
    MEET("chmod", path_of(file, b), 0);
    return REAL(fchmod)(file, mode);
}
