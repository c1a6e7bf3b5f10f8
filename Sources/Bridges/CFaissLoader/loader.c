#define _GNU_SOURCE
#include "CFaissLoader.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const freshet_faiss_functions *loaded;

static const freshet_faiss_functions *load(const char *path, char *error, size_t error_size) {
  // OpenBLAS and OpenMP read these once, when the library's constructors run.
  setenv("OPENBLAS_NUM_THREADS", "1", 0);
  setenv("OMP_NUM_THREADS", "1", 0);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(error, error_size, "%s", dlerror());
    return NULL;
  }
  freshet_faiss_table_function table = (freshet_faiss_table_function)dlsym(library, "freshet_faiss_table");
  const freshet_faiss_functions *functions = table ? table() : NULL;
  if (!functions || functions->version != FRESHET_FAISS_VERSION) {
    snprintf(error, error_size, "%s is of another version", path);
    dlclose(library);
    return NULL;
  }
  return functions;
}

const freshet_faiss_functions *freshet_faiss_load(const char *path, char *error, size_t error_size) {
  pthread_mutex_lock(&mutex);
  if (!loaded) loaded = load(path, error, error_size);
  const freshet_faiss_functions *functions = loaded;
  pthread_mutex_unlock(&mutex);
  return functions;
}
