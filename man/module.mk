dist_man_MANS += man/mailbearer.8 man/mailbearer-submit.8 man/mailbearer-tokend.8 man/mailbearer.conf.5 \
	man/mailbearer-milter.8 man/mailbearer-setup.7
dist_man_MANS += man/mailbearer-senders.7 man/mailbearer-troubleshooting.7
dist_man_MANS += man/mailbearer-migrate.7
