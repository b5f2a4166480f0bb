"""A Postfix that is none, as far as it is asked. postconf(1): parameters and services, a logical line each; postfix(1): lists
what it is told."""

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

POSTFIX = """#!/bin/sh
here=${0%/*}
echo "$3" >>"$here/told"
[ "$3" = status ] && exit "$(cat "$here/status")"
[ "$3" = reload ] && [ -e "$here/no-reload" ] && { echo "postfix: fatal: cannot reload" >&2; exit 1; }
exit 0
"""


def make_postfix(mta, status=0):
    """In that folder, which is made."""
    (mta / "etc").mkdir(parents=True)
    for name, text in (("postconf", POSTCONF), ("postfix", POSTFIX)):
        (mta / name).write_text(text)
        (mta / name).chmod(0o755)
    (mta / "etc" / "main.cf").write_text("relayhost =\n")
    (mta / "etc" / "master.cf").write_text("smtp unix - - y - - smtp\n")
    (mta / "status").write_text(str(status))
