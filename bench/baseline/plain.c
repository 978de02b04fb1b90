/* Plain SQLite: loading the file, a slice of it for a rep, and everybody's edits as statements. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

/* One cell of RFC 4180 at *text, unquoted in place; *last: it ends its record. */
static char *take_cell(char **text, bool *last)
{
	char *from = *text, *cell, *to, end;

	if (*from == '"') {
		cell = to = ++from;
		while (*from && (*from != '"' || from[1] == '"')) {
			from += *from == '"';
			*to++ = *from++;
		}
		from += *from == '"';
	} else {
		cell = from;
		from += strcspn(from, ",\r\n");
		to = from;
	}
	end = *from;
	*last = end != ',';
	from += strspn(from, "\r") + (end ? 1 : 0);
	*to = '\0';
	*text = from;
	return cell;
}

static int take_record(char **text, char **cells, int max)
{
	bool last = false;
	int len = 0;

	while (**text && !last && len < max)
		cells[len++] = take_cell(text, &last);
	return len;
}

/* INSERT with the columns of the file that the table has. */
static sqlite3_stmt *prepare_insert(sqlite3 *db, char **header, int len, int *places)
{
	sqlite3_stmt *table = prepare(db, "SELECT * FROM customer");
	char sql[2048] = "INSERT INTO customer(", marks[256] = "";
	int bound = 0;

	for (int i = 0; i < len; i++) {
		places[i] = 0;
		for (int k = 0; k < sqlite3_column_count(table); k++)
			if (strcmp(sqlite3_column_name(table, k), header[i]) == 0)
				places[i] = ++bound;
		if (!places[i])
			continue;
		snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "%s%s", bound > 1 ? ", " : "",
			 header[i]);
		strcat(marks, bound > 1 ? ", ?" : "?");
	}
	snprintf(sql + strlen(sql), sizeof sql - strlen(sql), ") VALUES(%s)", marks);
	sqlite3_finalize(table);
	return prepare(db, sql);
}

int load(const char *path, const char *csv)
{
	sqlite3 *db = open_db(path);
	size_t size;
	char *text = read_all(csv, &size), *at = text, *cells[64];
	int places[64], len;
	sqlite3_stmt *insert;

	text[size] = '\0';
	make_tables(db);
	len = take_record(&at, cells, 64);
	insert = prepare_insert(db, cells, len, places);
	exec(db, "BEGIN");
	while (take_record(&at, cells, 64) == len) {
		for (int i = 0; i < len; i++)
			if (places[i])
				sqlite3_bind_text(insert, places[i], cells[i], -1, SQLITE_STATIC);
		step(db, insert);
	}
	exec(db, "COMMIT");
	sqlite3_finalize(insert);
	sqlite3_close_v2(db);
	free(text);
	return 0;
}

int slice(const char *central, const char *path, const char *rep, const char *neighbour)
{
	sqlite3 *db = open_db(path);
	sqlite3_stmt *stmt;

	make_tables(db);
	stmt = prepare(db, "ATTACH ?1 AS central");
	sqlite3_bind_text(stmt, 1, central, -1, SQLITE_STATIC);
	step(db, stmt);
	sqlite3_finalize(stmt);
	exec(db, "BEGIN");
	/* Own records, and those of the neighbour that both hold. */
	stmt = prepare(db, "INSERT INTO main.customer SELECT * FROM central.customer"
			   " WHERE (territory = 't' || substr(?1, 2) OR territory = ?2)"
			   " AND instr(reps, ?1)");
	sqlite3_bind_text(stmt, 1, rep, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, neighbour, -1, SQLITE_STATIC);
	step(db, stmt);
	sqlite3_finalize(stmt);
	exec(db, "COMMIT");
	sqlite3_close_v2(db);
	return 0;
}

int plain_merge(const char *central, char **edits, int len)
{
	sqlite3 *db = open_db(central);

	for (int i = 0; i < len; i++) {
		FILE *file = fopen(edits[i], "r");
		json_t *edit;

		if (!file)
			die("%s: cannot be read", edits[i]);
		exec(db, "BEGIN");
		while ((edit = next_edit(file))) {
			apply_edit(db, edit);
			json_decref(edit);
		}
		exec(db, "COMMIT");
		fclose(file);
	}
	sqlite3_close_v2(db);
	return 0;
}
