#include <stdlib.h>

#include "cJSON.h"

#line 1 "/work/tree/cJSON.c"
static int parse_object(volatile char *room) { return room[9]; }

int main(void) {
  cJSON_Delete(cJSON_Parse("{}"));
  return parse_object(malloc(9));
}
