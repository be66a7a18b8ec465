/*
 * Preloaded into a process of the crash proof: records what it does to the files of one directory, or lets a call fail.
 *
 *   CRASH_ROOT    only files below this path count
 *   CRASH_RECORD  where every change is appended, see below; the same order as it happened
 *   CRASH_FAIL    CALL:PART, e.g. fdatasync:/journal/ : this call fails with EIO for every path that holds PART...
 *   CRASH_WHEN    ...once this file exists
 *   CRASH_SLOW    microseconds that every sync takes longer, so that more happens meanwhile
 *   CRASH_NO_BOOT the boot id of the machine cannot be read, as if it were another one
 *
 * A record, all numbers little-endian: u8 operation, u16 length of the path, u64 offset or length or number, u32 length of the
 * data, path, data. Operations: c created, w written, W written through a handle that syncs, t truncated, r renamed (data: the
 * new path), u unlinked, m directory made, s sync begins, S sync has ended well (both with the number of the sync), l linked.
 * What is written while a sync is under way is not made durable by it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define HANDLES 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *paths[HANDLES];
static char synced[HANDLES];
static int record_fd = -1;
static uint64_t syncs = 0;
static const char *root, *fail, *when, *no_boot;
static unsigned slow = 0;

__attribute__((constructor)) static void begin(void) {
  const char *record = getenv("CRASH_RECORD");
  root = getenv("CRASH_ROOT");
  fail = getenv("CRASH_FAIL");
  when = getenv("CRASH_WHEN");
  no_boot = getenv("CRASH_NO_BOOT");
  if (getenv("CRASH_SLOW") != NULL) slow = (unsigned)atoi(getenv("CRASH_SLOW"));
  if (record != NULL) record_fd = syscall(SYS_openat, AT_FDCWD, record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__) = NULL; \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int counts(const char *path) {
  return root != NULL && path != NULL && strncmp(path, root, strlen(root)) == 0;
}

static const char *path_of(int fd) {
  return fd >= 0 && fd < HANDLES ? paths[fd] : NULL;
}

static void put(char operation, const char *path, uint64_t number, const void *data, uint32_t length) {
  if (record_fd < 0) return;
  unsigned char head[15];
  uint16_t path_length = (uint16_t)strlen(path);
  head[0] = (unsigned char)operation;
  memcpy(head + 1, &path_length, 2);
  memcpy(head + 3, &number, 8);
  memcpy(head + 11, &length, 4);
  struct iovec parts[3] = {{head, 15}, {(void *)path, path_length}, {(void *)data, length}};
  /* A pipe or a full disk would tear it: the proof notices by the end of the record. */
  if (syscall(SYS_writev, record_fd, parts, 3) < 0) _exit(99);
}

/* Does CRASH_FAIL name this call and path, and is it time? */
static int fails(const char *call, const char *path) {
  if (fail == NULL || path == NULL) return 0;
  size_t length = strlen(call);
  if (strncmp(fail, call, length) != 0 || fail[length] != ':') return 0;
  if (strstr(path, fail + length + 1) == NULL) return 0;
  return when == NULL || syscall(SYS_access, when, F_OK) == 0;
}

static void whole(const char *path, char *into) {
  if (path[0] == '/' || getcwd(into, PATH_MAX) == NULL) {
    snprintf(into, PATH_MAX, "%s", path);
    return;
  }
  size_t length = strlen(into);
  snprintf(into + length, PATH_MAX - length, "/%s", path);
}

static int opened(int fd, const char *path, int flags, int was_there) {
  char name[PATH_MAX];
  if (fd < 0 || fd >= HANDLES) return fd;
  whole(path, name);
  if (!counts(name) && fail == NULL) return fd;
  pthread_mutex_lock(&lock);
  free(paths[fd]);
  paths[fd] = strdup(name);
  synced[fd] = (flags & (O_SYNC | O_DSYNC)) != 0;
  if (counts(name) && (flags & O_CREAT) && !was_there) put('c', name, 0, NULL, 0);
  else if (counts(name) && (flags & O_TRUNC)) put('t', name, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return fd;
}

static int is_there(const char *path) {
  return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

#define OPEN(name, type_of_flags) \
  int name(const char *path, int flags, ...) { \
    va_list more; \
    va_start(more, flags); \
    int mode = va_arg(more, int); \
    va_end(more); \
    if (no_boot != NULL && strstr(path, "random/boot_id") != NULL) { \
      errno = ENOENT; \
      return -1; \
    } \
    int was_there = is_there(path); \
    REAL(int, #name, const char *, int, ...); \
    return opened(real(path, flags, mode), path, flags, was_there); \
  }
OPEN(open, int)
OPEN(open64, int)

int close(int fd) {
  REAL(int, "close", int);
  if (fd >= 0 && fd < HANDLES && paths[fd] != NULL) {
    pthread_mutex_lock(&lock);
    free(paths[fd]);
    paths[fd] = NULL;
    pthread_mutex_unlock(&lock);
  }
  return real(fd);
}

static ssize_t wrote(int fd, const struct iovec *parts, int count, off_t offset, ssize_t done) {
  const char *path = path_of(fd);
  if (done <= 0 || !counts(path)) return done;
  size_t left = (size_t)done;
  for (int part = 0; part < count && left > 0; part += 1) {
    size_t length = parts[part].iov_len < left ? parts[part].iov_len : left;
    put(synced[fd] ? 'W' : 'w', path, (uint64_t)offset, parts[part].iov_base, (uint32_t)length);
    offset += (off_t)length;
    left -= length;
  }
  return done;
}

/* Where a write without an offset goes; -1 = at no place of a file. */
static off_t place_of(int fd) {
  if (!counts(path_of(fd))) return -1;
  if (fcntl(fd, F_GETFL) & O_APPEND) {
    struct stat found;
    return fstat(fd, &found) == 0 ? found.st_size : -1;
  }
  return lseek(fd, 0, SEEK_CUR);
}

#define WRITING(call, parts, count, given, invoke) \
  const char *name = path_of(fd); \
  if (fails(call, name)) { \
    errno = EIO; \
    return -1; \
  } \
  if (!counts(name)) return invoke; \
  pthread_mutex_lock(&lock); \
  off_t at = given; \
  ssize_t done = invoke; \
  int error = errno; \
  wrote(fd, parts, count, at, done); \
  pthread_mutex_unlock(&lock); \
  errno = error; \
  return done

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(ssize_t, "write", int, const void *, size_t);
  struct iovec part = {(void *)bytes, length};
  WRITING("write", &part, 1, place_of(fd), real(fd, bytes, length));
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  struct iovec part = {(void *)bytes, length};
  WRITING("write", &part, 1, offset, real(fd, bytes, length, offset));
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return pwrite64(fd, bytes, length, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  WRITING("write", parts, count, place_of(fd), real(fd, parts, count));
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
  WRITING("write", parts, count, offset, real(fd, parts, count, offset));
}

/* The lock is not held while the disk works: writes of other threads go on, as they do without this. */
#define SYNCING(call) \
  REAL(int, call, int); \
  const char *found = path_of(fd); \
  if (fails(call, found)) { \
    errno = EIO; \
    return -1; \
  } \
  if (!counts(found)) return real(fd); \
  char name[PATH_MAX]; \
  pthread_mutex_lock(&lock); \
  snprintf(name, PATH_MAX, "%s", found); \
  uint64_t number = syncs++; \
  put('s', name, number, NULL, 0); \
  pthread_mutex_unlock(&lock); \
  if (slow > 0) usleep(slow); \
  int result = real(fd); \
  int error = errno; \
  pthread_mutex_lock(&lock); \
  if (result == 0) put('S', name, number, NULL, 0); \
  pthread_mutex_unlock(&lock); \
  errno = error; \
  return result

int fsync(int fd) {
  SYNCING("fsync");
}

int fdatasync(int fd) {
  SYNCING("fdatasync");
}

int ftruncate64(int fd, off64_t length) {
  REAL(int, "ftruncate64", int, off64_t);
  const char *name = path_of(fd);
  if (!counts(name)) return real(fd, length);
  pthread_mutex_lock(&lock);
  int result = real(fd, length);
  if (result == 0) put('t', name, (uint64_t)length, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

int ftruncate(int fd, off_t length) {
  return ftruncate64(fd, length);
}

#define NAMING(operation, first, second, invoke) \
  char from[PATH_MAX], to[PATH_MAX]; \
  whole(first, from); \
  whole(second, to); \
  pthread_mutex_lock(&lock); \
  int result = invoke; \
  if (result == 0 && counts(from)) put(operation, from, 0, to, (uint32_t)strlen(to)); \
  pthread_mutex_unlock(&lock); \
  return result

int rename(const char *old, const char *new) {
  REAL(int, "rename", const char *, const char *);
  NAMING('r', old, new, real(old, new));
}

int link(const char *old, const char *new) {
  REAL(int, "link", const char *, const char *);
  NAMING('l', old, new, real(old, new));
}

int unlink(const char *path) {
  REAL(int, "unlink", const char *);
  NAMING('u', path, "", real(path));
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  NAMING('m', path, "", real(path, mode));
}
