// Zstandard (libzstd): contexts for compression and decompression, and the frame's declared size.
#pragma once
#include <zstd.h>
