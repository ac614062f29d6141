#include <stdlib.h>
#include <string.h>

#include "cJSON.h"

static cJSON *parsed(const char *text) {
  size_t size = strlen(text);
  char *exact = malloc(size);
  memcpy(exact, text, size);
  cJSON *found = cJSON_ParseWithLength(exact, size);
  free(exact);
  return found;
}

int main(void) {
  cJSON *whole = parsed("{\"1\":1}");
  cJSON *broken = parsed("{\"1\":1,");
  int wrong = whole == NULL || broken != NULL;
  cJSON_Delete(whole);
  return wrong;
}
