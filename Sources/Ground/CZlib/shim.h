#include <zlib.h>

/* The initializer is a macro, which Swift cannot call: a window of 32 KiB, and gzip's header and trailer (RFC 1952). */
static inline int lifelong_gunzip_init(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
