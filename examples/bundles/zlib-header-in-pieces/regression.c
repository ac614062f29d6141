#include <stdlib.h>
#include <string.h>

#include "zlib.h"

/* A header field of 20 bytes comes in two pieces; there is room for 8, and no more is written. */
int main(void) {
  unsigned char head[12 + 20] = {0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 20, 0};
  unsigned char out[16];
  gz_header header;
  z_stream stream;
  memset(head + 12, 'x', 20);
  memset(&header, 0, sizeof header);
  memset(&stream, 0, sizeof stream);
  header.extra = malloc(8);
  header.extra_max = 8;
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return 2;
  inflateGetHeader(&stream, &header);
  stream.next_out = out;
  stream.avail_out = sizeof out;
  stream.next_in = head;
  stream.avail_in = 24;
  inflate(&stream, Z_NO_FLUSH);
  stream.avail_in = 8;
  inflate(&stream, Z_NO_FLUSH);
  int wrong = header.extra_len != 20 || memcmp(header.extra, "xxxxxxxx", 8) != 0;
  inflateEnd(&stream);
  free(header.extra);
  return wrong;
}
