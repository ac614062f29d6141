#include "cJSON.h"

int main(void) {
  cJSON *text = cJSON_CreateString("before");
  cJSON_SetValuestring(text, NULL);
  cJSON_Delete(text);
  return 0;
}
