#include "tommath.h"

int main(void) {
  mp_int number;
  if (mp_init(&number) != MP_OKAY) return 1;
  mp_err answer = mp_2expt(&number, -200);
  mp_clear(&number);
  return answer == MP_OKAY;
}
