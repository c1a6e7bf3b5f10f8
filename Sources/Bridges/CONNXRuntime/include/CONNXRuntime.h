#ifndef FRESHET_CONNXRUNTIME_H
#define FRESHET_CONNXRUNTIME_H

#include <onnxruntime_c_api.h>
#include <stddef.h>

/// Loads ONNX Runtime and returns its C interface in the version of the header, or NULL with a sentence in `error`.
///
/// `paths` ends with NULL; the first that can be loaded is taken, and `version` is set to what it calls itself (owned
/// by the library). A path without a slash is searched where the system's loader searches. The library stays loaded.
/// Written to be called once, under a lock.
const OrtApi *freshet_onnxruntime_load(const char *const *paths, const char **version, char *error, size_t capacity);

/// The version of the interface that the header describes: the library must be at least 1.(this).
int freshet_onnxruntime_header_version(void);

#endif
