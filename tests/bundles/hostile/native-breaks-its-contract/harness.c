#include "cJSON.h"

int main(void) {
  cJSON_Delete(cJSON_ParseWithLength((const char *)64, 5));
  return 0;
}
