PUSHDIVERT(-1)
#
# Sendmail's mailer for mailbearer-submit(8): LMTP to a program that relays with OAuth 2.0. See mailbearer-sendmail(7).
# This file goes into the folder mailer/ of the m4 files; sendmail.mc names it after the mailer smtp, whose rules it uses.
# The milter is no part of it: its line in sendmail.mc is in that page, too.
#
ifdef(`MAILBEARER_MAILER_PATH',, `define(`MAILBEARER_MAILER_PATH', `/usr/sbin/mailbearer-submit')')
ifdef(`MAILBEARER_MAILER_ARGS',, `define(`MAILBEARER_MAILER_ARGS', `mailbearer-submit')')
ifdef(`MAILBEARER_MAILER_USER',, `define(`MAILBEARER_MAILER_USER', `mail:mail')')
ifdef(`MAILBEARER_MAILER_MAX',, `define(`MAILBEARER_MAILER_MAX', `157286400')')
ifdef(`MAILBEARER_MAILER_MAXRCPTS',, `define(`MAILBEARER_MAILER_MAXRCPTS', `500')')
ifdef(`MAILBEARER_BOUNCES_FROM',, `define(`MAILBEARER_BOUNCES_FROM', `')')
_DEFIFNOT(`MAILBEARER_MAILER_FLAGS', `mDFMuXz')
POPDIVERT
##########################################
###   Mailbearer Mailer specification  ###
##########################################

# Bounces are shown to no filter, and no account may send as the mailer daemon, which $n is the name of.
SHdrFromMailbearer
ifelse(MAILBEARER_BOUNCES_FROM, `', `dnl',
`R$n			$: $>canonify MAILBEARER_BOUNCES_FROM
R$n < @ $* >		$: $>canonify MAILBEARER_BOUNCES_FROM')
R$*			$: $>HdrFromSMTP $1

# z: LMTP; X: dots are stuffed; m: several recipients at once; D, F, M: Date, From and Message-ID are added where missing.
Mmailbearer,	P=MAILBEARER_MAILER_PATH, F=CONCAT(MAILBEARER_MAILER_FLAGS), U=MAILBEARER_MAILER_USER,
		S=EnvFromSMTP/HdrFromMailbearer, R=EnvToSMTP, E=\r\n, L=990,
		M=MAILBEARER_MAILER_MAX, r=MAILBEARER_MAILER_MAXRCPTS, T=DNS/RFC822/SMTP,
		A=MAILBEARER_MAILER_ARGS
