#include <stdlib.h>
#include <string.h>

#include "zlib.h"

enum { ROOM = 8, FIELD = 64, PIECE = 16 };

int main(void) {
  unsigned char head[12 + FIELD] = {0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, FIELD, 0};
  unsigned char out[16];
  gz_header header;
  z_stream stream;
  memset(&header, 0, sizeof header);
  memset(&stream, 0, sizeof stream);
  header.extra = malloc(ROOM);
  header.extra_max = ROOM;
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return 1;
  inflateGetHeader(&stream, &header);
  stream.next_out = out;
  stream.avail_out = sizeof out;
  for (size_t done = 0; done < sizeof head; done += stream.avail_in) {
    size_t left = sizeof head - done;
    unsigned piece = left < PIECE ? (unsigned)left : PIECE;
    stream.next_in = head + done;
    stream.avail_in = piece;
    inflate(&stream, Z_NO_FLUSH);
    if (stream.avail_in != 0) break;
    stream.avail_in = piece;
  }
  inflateEnd(&stream);
  free(header.extra);
  return 0;
}
