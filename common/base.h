/*
 * base.h: included first by every other header and file.
 *
 * Feature macros come from the compiler's command line (-std=gnu17). This file adds the
 * standard headers that nearly every file needs, four attributes, and turns the C library's
 * unbounded or locale-dependent text functions into compile errors.
 */
#ifndef COMMON_BASE_H
#define COMMON_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define PGTIDE_BANNED(func) pgtide_##func##_is_banned
#undef strcpy
#define strcpy(a, b) PGTIDE_BANNED(strcpy)
#undef strcat
#define strcat(a, b) PGTIDE_BANNED(strcat)
#undef sprintf
#define sprintf(...) PGTIDE_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) PGTIDE_BANNED(vsprintf)
#undef strtok
#define strtok(a, b) PGTIDE_BANNED(strtok)
#undef atoi
#define atoi(a) PGTIDE_BANNED(atoi)

#endif
