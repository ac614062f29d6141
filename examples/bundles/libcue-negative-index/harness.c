#include "libcue.h"
#include <stdio.h>
#include <stdlib.h>

static char *read_all(const char *name, size_t *size, size_t spare) {
  FILE *file = fopen(name, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) exit(1);
  *size = (size_t)ftell(file);
  char *text = calloc(1, *size + spare);
  rewind(file);
  if (text == NULL || fread(text, 1, *size, file) != *size) exit(1);
  fclose(file);
  return text;
}

int main(int count, char **words) {
  size_t size;
  char *text = read_all(words[count - 1], &size, 1);
  Cd *disc = cue_parse_string(text);
  if (disc != NULL) cd_delete(disc);
  free(text);
  return 0;
}
