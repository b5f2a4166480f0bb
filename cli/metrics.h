#ifndef MAILBEARER_CLI_METRICS_H
#define MAILBEARER_CLI_METRICS_H

#include <jansson.h>

#include "lib/buf.h"

/*
 * tokend's answer to the map `status`, an array of accounts, as OpenMetrics 1.0 text with its end mark. Gauges only, so
 * that what reads Prometheus' older text format, such as node_exporter's textfile collector, takes it too. NULL: tokend
 * gave no answer. Pure.
 */
void metrics_text(struct buf *out, const json_t *accounts);

#endif
