#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

#define OPTIONS_MAX 32
#define COMMON_JSON 1000
#define COMMON_QUIET 1001
#define COMMON_PASSPHRASE 1002
#define FIRST 2000

enum rep_code cli_usage(const struct cli *cli, struct rep_error *err, const char *fmt, ...)
{
	enum rep_code rc;
	char msg[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(msg, sizeof msg, fmt, args);
	va_end(args);
	rc = rep_fail(err, REP_EUSAGE, "%s", msg);
	if (cli->command)
		rep_hint(err, "usage: repsync %s%s %s", cli->prefix, cli->command->name,
			 cli->command->usage);
	return rc;
}

const char *cli_keep(struct cli *cli, char *text)
{
	char **owned;

	if (!text)
		return NULL;
	owned = realloc(cli->owned, (cli->owned_len + 1) * sizeof *owned);
	if (!owned) {
		free(text);
		return NULL;
	}
	cli->owned = owned;
	cli->owned[cli->owned_len++] = text;
	return text;
}

enum rep_code cli_text(struct cli *cli, const char **out, const char *text, struct rep_error *err)
{
	struct rep_buf formed = REP_BUF_INIT(4u << 20);
	struct rep_error ignored;
	enum rep_code rc;

	*out = NULL;
	if (rep_text_is_nfc(text, strlen(text))) {
		*out = text;
		return REP_OK;
	}
	if (!rep_text_is_utf8(text, strlen(text)))
		return cli_usage(cli, err, "an argument is not valid utf-8");
	rc = rep_text_form_put(&formed, text, strlen(text), REP_TEXT_NFC, &ignored);
	*out = cli_keep(cli, rep_buf_take(&formed));
	return rc || !*out ? rep_fail(err, REP_ENOMEM, "no memory") : REP_OK;
}

static enum rep_code take_number(struct cli *cli, const struct cli_option *option, const char *text,
				 struct rep_error *err)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end || end == text || *text < '0' || *text > '9')
		return cli_usage(cli, err, "--%s: %s is not a number", option->name, text);
	*option->number = value;
	return REP_OK;
}

static enum rep_code take(struct cli *cli, const struct cli_option *option, const char *text,
			  struct rep_error *err)
{
	const char **target = option->text;

	if (option->flag) {
		*option->flag = true;
		return REP_OK;
	}
	if (option->number)
		return take_number(cli, option, text, err);
	if (option->texts) {
		if (option->texts->len == CLI_TEXTS_MAX)
			return cli_usage(cli, err, "--%s is given too often", option->name);
		return cli_text(cli, &option->texts->texts[option->texts->len++], text, err);
	}
	if (option->path ? *option->path != NULL : *target != NULL)
		return cli_usage(cli, err, "--%s is given twice", option->name);
	if (option->path) {
		*option->path = text;
		return REP_OK;
	}
	return cli_text(cli, target, text, err);
}

/* getopt's tables for ours and the common options. `letters` has room for 2 * OPTIONS_MAX + 4. */
static void make_tables(const struct cli_option *table, size_t len, struct option *longs,
			char *letters)
{
	size_t at = 0;

	*letters++ = ':';
	for (size_t i = 0; i < len; i++) {
		longs[at++] = (struct option){table[i].name,
					      table[i].flag ? no_argument : required_argument, NULL,
					      FIRST + (int)i};
		if (!table[i].letter)
			continue;
		*letters++ = table[i].letter;
		if (!table[i].flag)
			*letters++ = ':';
	}
	*letters = '\0';
	longs[at++] = (struct option){"json", no_argument, NULL, COMMON_JSON};
	longs[at++] = (struct option){"quiet", no_argument, NULL, COMMON_QUIET};
	longs[at++] =
		(struct option){"passphrase-file", required_argument, NULL, COMMON_PASSPHRASE};
	longs[at] = (struct option){0};
}

static const struct cli_option *find(const struct cli_option *table, size_t len, int got)
{
	if (got >= FIRST)
		return &table[got - FIRST];
	for (size_t i = 0; i < len; i++)
		if (table[i].letter && table[i].letter == got)
			return &table[i];
	return NULL;
}

static enum rep_code unknown(struct cli *cli, int got, char **argv, struct rep_error *err)
{
	const char *text = argv[optind - 1];

	if (optopt > 0 && optopt < 128)
		return cli_usage(cli, err, got == ':' ? "-%c needs a value" : "unknown option -%c",
				 optopt);
	return cli_usage(cli, err, got == ':' ? "%s needs a value" : "unknown option %s", text);
}

enum rep_code cli_options(struct cli *cli, int argc, char **argv, const struct cli_option *table,
			  size_t len, struct rep_error *err)
{
	struct option longs[OPTIONS_MAX + 4];
	char letters[2 * OPTIONS_MAX + 4];
	enum rep_code rc = REP_OK;
	int got;

	make_tables(table, len, longs, letters);
	opterr = 0;
	optind = 0;
	while (!rc && (got = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (got == COMMON_JSON)
			cli->json = true;
		else if (got == COMMON_QUIET)
			cli->quiet = true;
		else if (got == COMMON_PASSPHRASE)
			cli->passphrase_file = optarg;
		else if (got == '?' || got == ':')
			rc = unknown(cli, got, argv, err);
		else
			rc = take(cli, find(table, len, got), optarg, err);
	}
	cli->args_len = 0;
	for (int i = optind; !rc && i < argc; i++) {
		if (cli->args_len == CLI_TEXTS_MAX)
			return cli_usage(cli, err, "too many arguments");
		cli->raw[cli->args_len] = argv[i];
		rc = cli_text(cli, &cli->args[cli->args_len++], argv[i], err);
	}
	return rc;
}

enum rep_code cli_args(struct cli *cli, size_t min, size_t max, const char *const *names,
		       struct rep_error *err)
{
	if (cli->args_len < min)
		return cli_usage(cli, err, "%s is missing", names[cli->args_len]);
	if (cli->args_len > max)
		return cli_usage(cli, err, "one argument too many: %s", cli->args[max]);
	return REP_OK;
}

enum rep_code cli_one_of(struct cli *cli, const char *what, const char *text,
			 const char *const *words, size_t len, struct rep_error *err)
{
	char list[200] = "";
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		if (strcmp(text, words[i]) == 0)
			return REP_OK;
		if (used < sizeof list)
			used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
						 i ? ", " : "", words[i]);
	}
	return cli_usage(cli, err, "%s %s is none of: %s", what, text, list);
}
