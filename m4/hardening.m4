# AX_TRY_CFLAGS(VARIABLE, FLAGS): appends those of FLAGS to VARIABLE that the compiler takes, each tried alone.
AC_DEFUN([AX_TRY_CFLAGS], [
	AC_LANG_PUSH([C])
	for flag in $2; do
		AC_MSG_CHECKING([whether $CC takes $flag])
		saved_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $flag"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[char text[16]; return snprintf(text, sizeof text, "x") != 1;]])],
			[AC_MSG_RESULT([yes]); $1="$$1 $flag"],
			[AC_MSG_RESULT([no])])
		CFLAGS=$saved_CFLAGS
	done
	AC_LANG_POP([C])
])

# AX_TRY_LDFLAGS(VARIABLE, FLAGS): the same for the linker.
AC_DEFUN([AX_TRY_LDFLAGS], [
	for flag in $2; do
		AC_MSG_CHECKING([whether the linker takes $flag])
		saved_LDFLAGS=$LDFLAGS
		LDFLAGS="$LDFLAGS $flag"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
			[AC_MSG_RESULT([yes]); $1="$$1 $flag"],
			[AC_MSG_RESULT([no])])
		LDFLAGS=$saved_LDFLAGS
	done
])

# AX_HARDENING: HARDEN_CFLAGS for everything, HARDEN_EXE_* for programs (PIE), HARDEN_LDFLAGS for all links.
AC_DEFUN([AX_HARDENING], [
	HARDEN_CFLAGS= HARDEN_LDFLAGS= HARDEN_EXE_CFLAGS= HARDEN_EXE_LDFLAGS=
	AX_TRY_CFLAGS([HARDEN_CFLAGS], [-fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fno-common])
	# FORTIFY wants optimisation, and distributions may have set it already.
	case " $CFLAGS $CPPFLAGS " in
	*_FORTIFY_SOURCE*|*" -O0 "*) ;;
	*) AX_TRY_CFLAGS([HARDEN_CFLAGS], [-D_FORTIFY_SOURCE=2]) ;;
	esac
	AX_TRY_CFLAGS([HARDEN_EXE_CFLAGS], [-fPIE])
	AX_TRY_LDFLAGS([HARDEN_EXE_LDFLAGS], [-pie])
	AX_TRY_LDFLAGS([HARDEN_LDFLAGS], [-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed])
	HARDEN_SUMMARY=`echo $HARDEN_CFLAGS $HARDEN_EXE_LDFLAGS $HARDEN_LDFLAGS`
	AC_SUBST([HARDEN_CFLAGS])
	AC_SUBST([HARDEN_LDFLAGS])
	AC_SUBST([HARDEN_EXE_CFLAGS])
	AC_SUBST([HARDEN_EXE_LDFLAGS])
])
