#include <string.h>

#include "fribidi.h"

int main(void) {
  const char *text = "ab \x81\x90\xfe";
  FriBidiChar found[32];
  fribidi_charset_to_unicode(FRIBIDI_CHAR_SET_CAP_RTL, text, (FriBidiStrIndex)strlen(text), found);
  return 0;
}
