/*
 * Preloaded into an instance: while the file named by DISK_FAULT exists, syncs of mirror journal files fail with EIO, or, when it
 * holds "hang", do not return until it is gone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_journal(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, "/journal/MIRROR-") != NULL;
}

static int fails(int fd) {
  const char *trigger = getenv("DISK_FAULT");
  if (trigger == NULL || access(trigger, F_OK) != 0 || !is_journal(fd)) return 0;
  char word[8] = {0};
  int file = open(trigger, O_RDONLY);
  if (file >= 0) {
    if (read(file, word, sizeof word - 1) < 0) word[0] = 0;
    close(file);
  }
  if (strcmp(word, "hang") != 0) return 1;
  while (access(trigger, F_OK) == 0) usleep(10000);
  return 0;
}

int fdatasync(int fd) {
  if (fails(fd)) {
    errno = EIO;
    return -1;
  }
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return real(fd);
}
