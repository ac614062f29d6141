#include <string.h>

#include "cJSON.h"

int main(void) {
  cJSON_Delete(cJSON_Parse("[1, 2]"));
  return (int)strlen((const char *)8);
}
