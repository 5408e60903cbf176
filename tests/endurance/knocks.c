/* Stands between a process and the system: counts what is done to files below one folder, and at the n-th call kills
 * the process, or makes that call and all later ones fail. Built and loaded by tests/endurance/stage.py.
 *
 * A write is cut in half before the kill, or before the disk is full, as the system may do it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { OFF, COUNT, KILL, FAIL };
enum { NAME = 1, CONTENT = 2, REMOVAL = 4 }; /* kinds of calls: a new name, what a file holds, taking a name away */
enum { GO, STRUCK };

static char folder[PATH_MAX];
static size_t length;
static int mode = OFF, failure, kinds;
static long when, calls;

void knock(const char *below, int what, long at, int error, int of_kinds) {
    snprintf(folder, sizeof folder, "%s/", below);
    length = strlen(folder);
    mode = what, when = at, failure = error, kinds = of_kinds, calls = 0;
}

long knocks(void) { return calls; }

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int inside(const char *path) {
    return strncmp(path, folder, length - 1) == 0 && (path[length - 1] == '/' || !path[length - 1]);
}

static int path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t found = readlink(link, path, PATH_MAX - 1);
    path[found < 0 ? 0 : found] = 0;
    return found >= 0;
}

static int below(int at, const char *path) {
    char full[2 * PATH_MAX], base[PATH_MAX];
    if (mode == OFF) return 0;
    if (path[0] == '/') return inside(path);
    if (at == AT_FDCWD ? !getcwd(base, sizeof base) : !path_of(at, base)) return 0;
    snprintf(full, sizeof full, "%s/%s", base, path);
    return inside(full);
}

static int holds(int descriptor) {
    char path[PATH_MAX];
    return mode != OFF && path_of(descriptor, path) && inside(path);
}

/* Counts a call; whether it is the one that is struck, or a later one of a disk that stays as it is. */
static int count(int kind) {
    if (mode == OFF || !(kinds & kind)) return GO;
    calls++;
    if (mode == KILL && calls == when) return STRUCK;
    return mode == FAIL && calls >= when ? STRUCK : GO;
}

static int refused(int kind) {
    if (count(kind) == GO) return 0;
    if (mode == KILL) die();
    errno = failure;
    return 1;
}

#define REAL(type, name, ...)                                   \
    static type (*real)(__VA_ARGS__);                           \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define OPENING(name)                                                                                   \
    int name(const char *path, int flags, ...) {                                                        \
        REAL(int, name, const char *, int, ...);                                                        \
        va_list more;                                                                                   \
        va_start(more, flags);                                                                          \
        mode_t how = va_arg(more, mode_t);                                                              \
        va_end(more);                                                                                   \
        if ((flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC)) && below(AT_FDCWD, path) && refused(NAME)) return -1; \
        return real(path, flags, how);                                                                  \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name)                                                                                \
    int name(int at, const char *path, int flags, ...) {                                                \
        REAL(int, name, int, const char *, int, ...);                                                   \
        va_list more;                                                                                   \
        va_start(more, flags);                                                                          \
        mode_t how = va_arg(more, mode_t);                                                              \
        va_end(more);                                                                                   \
        if ((flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC)) && below(at, path) && refused(NAME)) return -1; \
        return real(at, path, flags, how);                                                              \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

int mkdir(const char *path, mode_t how) {
    REAL(int, mkdir, const char *, mode_t);
    return below(AT_FDCWD, path) && refused(NAME) ? -1 : real(path, how);
}

int mkdirat(int at, const char *path, mode_t how) {
    REAL(int, mkdirat, int, const char *, mode_t);
    return below(at, path) && refused(NAME) ? -1 : real(at, path, how);
}

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    return below(AT_FDCWD, to) && refused(NAME) ? -1 : real(from, to);
}

int renameat(int at, const char *from, int there, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    return below(there, to) && refused(NAME) ? -1 : real(at, from, there, to);
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    return below(AT_FDCWD, path) && refused(REMOVAL) ? -1 : real(path);
}

int unlinkat(int at, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    return below(at, path) && refused(REMOVAL) ? -1 : real(at, path, flags);
}

int rmdir(const char *path) {
    REAL(int, rmdir, const char *);
    return below(AT_FDCWD, path) && refused(REMOVAL) ? -1 : real(path);
}

#define SYNCING(name)                                                        \
    int name(int descriptor) {                                               \
        REAL(int, name, int);                                                \
        return holds(descriptor) && refused(CONTENT) ? -1 : real(descriptor); \
    }
SYNCING(fsync)
SYNCING(fdatasync)

#define CUTTING(name, offset)                                                        \
    int name(int descriptor, offset size) {                                          \
        REAL(int, name, int, offset);                                                \
        return holds(descriptor) && refused(CONTENT) ? -1 : real(descriptor, size);   \
    }
CUTTING(ftruncate, off_t)
CUTTING(ftruncate64, off64_t)

/* How much of so many bytes is to be written: all, half, or (-1) nothing. */
static ssize_t share(int descriptor, size_t size) {
    if (!holds(descriptor) || count(CONTENT) == GO) return (ssize_t)size;
    if (mode == FAIL && (calls > when || size < 2)) return -1;
    return (ssize_t)(size / 2);
}

static ssize_t written(size_t asked, ssize_t part, ssize_t done) {
    if (mode == KILL && part < (ssize_t)asked) die();
    return done;
}

ssize_t write(int descriptor, const void *from, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    ssize_t part = share(descriptor, size);
    if (part < 0) return errno = failure, -1;
    return written(size, part, real(descriptor, from, (size_t)part));
}

#define WRITING_AT(name, offset)                                                   \
    ssize_t name(int descriptor, const void *from, size_t size, offset at) {       \
        REAL(ssize_t, name, int, const void *, size_t, offset);                    \
        ssize_t part = share(descriptor, size);                                    \
        if (part < 0) return errno = failure, -1;                                  \
        return written(size, part, real(descriptor, from, (size_t)part, at));      \
    }
WRITING_AT(pwrite, off_t)
WRITING_AT(pwrite64, off64_t)
