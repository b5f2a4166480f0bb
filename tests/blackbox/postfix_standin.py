"""postconf(1) of a Postfix that is none, as far as it is asked: parameters and services, a logical line each."""

POSTCONF = r"""#!/bin/sh
folder=$2 what=$3
[ "$what" = -P ] && exit
[ "$what" = -M ] && file=master.cf || file=main.cf
[ "$what" = -x ] && printf '%s\n' "config_directory = $folder" "queue_directory = /var/spool/postfix" \
    "mail_version = 3.7.11" "milter_default_action = tempfail" "smtp_fallback_relay =" "smtp_sasl_type = cyrus"
exec awk '/^[ \t]*(#|$)/ { next }
          /^[ \t]/ { sub(/^[ \t]+/, " "); entry = entry $0; next }
          { if (entry != "") print entry; entry = $0 }
          END { if (entry != "") print entry }' "$folder/$file"
"""
