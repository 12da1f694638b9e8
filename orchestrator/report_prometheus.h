/*
 * report_prometheus.h: a run as metrics, for the textfile collector of Prometheus' node exporter
 * (exposition formats, "Text-based format").
 */
#ifndef ORCHESTRATOR_REPORT_PROMETHEUS_H
#define ORCHESTRATOR_REPORT_PROMETHEUS_H

#include "orchestrator/report.h"

/* Gauges labelled with the fleet's file and the operation; none is labelled with a tenant, of which
 * there may be too many. */
int report_prometheus(const struct report *report, FILE *out) MUST_CHECK;

#endif
