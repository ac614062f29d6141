#include <stdlib.h>

#include "cJSON.h"

int main(void) {
  cJSON_Delete(cJSON_Parse("[1, 2]"));
  volatile char *room = malloc(4);
  room[4] = 1;
  return 0;
}
