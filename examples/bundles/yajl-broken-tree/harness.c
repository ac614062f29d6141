#include "yajl/yajl_tree.h"
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
  char reason[256];
  char *text = read_all(words[count - 1], &size, 1);
  yajl_val tree = yajl_tree_parse(text, reason, sizeof reason);
  if (tree != NULL) yajl_tree_free(tree);
  free(text);
  return 0;
}
