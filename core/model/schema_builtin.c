/*
 * The engine's own entities, in the format of entity files. Terms are the hub alone: these records are
 * made by commands and by the merge, never typed into a table. Names are exempt from the rule on
 * keywords ("key", "values"), because generated SQL quotes every name.
 *
 * Where they live: device and role in `org/`, review items beside what they are about (fold.h).
 */
#include <string.h>

#include "core/model/schema_load.h"

struct engine_entity {
	const char *name;
	const char *text;
};

#define HEAD(builtin, zh, en)                                                           \
	"{\"label\":{\"zh\":\"" zh "\",\"en\":\"" en "\"},\"builtin\":\"" builtin "\"," \
	"\"deletes\":\"never\",\"insert\":[\"hub\"],\"write\":[\"hub\"],\"propose\":[],\"fields\":["
#define FIELD(name, type, zh, en, more)                                                          \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"label\":{\"zh\":\"" zh "\",\"en\":\"" en \
	"\"}" more "}"
#define TAIL "]}"

static const struct engine_entity engine_entities[] = {
	{"device",
	 HEAD("device", "设备", "Device")
		 FIELD("rep", "text", "人员", "Rep", ",\"max\":64") "," FIELD("key", "text", "公钥", "Public key", ",\"max\":200") "," FIELD(
			 "ssh_key", "text", "SSH 公钥", "SSH key",
			 "") "," FIELD("desk", "boolean", "公司工作台", "Desk",
				       "") "," FIELD("state", "enum", "状态", "State",
						     ",\"values\":[\"invited\",\"active\",\"revoked\",\"leaving\"]") "," FIELD("since",
															       "datetime",
															       "起始时间",
															       "Since",
															       "")
			 TAIL},
	{"role",
	 HEAD("role", "角色", "Role") FIELD("rep", "text", "人员", "Rep", ",\"max\":64") "," FIELD(
		 "role", "text", "角色", "Role",
		 ",\"max\":40") "," FIELD("valid_from", "datetime", "起", "From",
					  "") "," FIELD("valid_to", "datetime", "止", "To", "")
		 TAIL},
	{"release",
	 HEAD("release", "规则版本", "Version of the schema")
		 FIELD("name", "text", "名称", "Name", ",\"max\":40,\"required\":true,\"rule\":\"immutable\"") "," FIELD(
			 "hash", "text", "校验值", "Hash",
			 ",\"format\":\"sha256\",\"required\":true,\"rule\":\"immutable\"") "," FIELD("effective",
												      "datetime",
												      "生效时间",
												      "In force since",
												      ",\"required\":true,\"rule\":\"immutable\"")
			 TAIL},
	{"conflict",
	 HEAD("review", "冲突", "Conflict") FIELD("entity", "text", "实体", "Entity", "") "," FIELD(
		 "record", "text", "记录", "Record",
		 "") "," FIELD("field", "text", "字段", "Field",
			       "") "," FIELD("rivals", "json", "各方的值", "Rivals",
					     ",\"personal\":1") "," FIELD("winner", "text",
									  "暂定值的时间戳",
									  "Winner",
									  "") "," FIELD("state",
											"enum",
											"状态",
											"State",
											",\"values\":[\"open\",\"decided\"]") "," FIELD("decided_by",
																	"text",
																	"裁定人",
																	"Decided by",
																	"")
		 TAIL},
	{"proposal",
	 HEAD("review", "建议", "Proposal")
		 FIELD("entity", "text", "实体", "Entity", "") "," FIELD("record", "text", "记录", "Record", "") "," FIELD(
			 "values", "json",
			 "建议的值", "Values",
			 ",\"personal\":1") "," FIELD("saw", "json", "所见", "Saw",
						      ",\"personal\":1") "," FIELD("rep", "text",
										   "人员", "Rep",
										   "") "," FIELD("device",
												 "text",
												 "设备",
												 "Device",
												 "") "," FIELD("reason",
													       "text",
													       "理由",
													       "Reason",
													       ",\"personal\":1,\"max\":65536") "," FIELD("to",
																			  "text", "交给", "To", "") "," FIELD("state", "enum", "状态", "State", ",\"values\":[\"open\",\"accepted\",\"declined\",\"withdrawn\",\"expired\"]") "," FIELD("decided_by",
																																							"text",
																																							"裁定人",
																																							"Decided by",
																																							"")
			 TAIL},
	{"duplicate",
	 HEAD("review", "疑似重复", "Duplicate")
		 FIELD("entity", "text", "实体", "Entity", "") "," FIELD(
			 "a", "text", "甲", "One",
			 "") "," FIELD("b", "text", "乙", "Other",
				       "") "," FIELD("key", "text", "依据", "Key",
						     "") "," FIELD("state", "text", "状态", "State",
								   "") TAIL},
	{"rejection",
	 HEAD("review", "被拒的修改", "Rejection")
		 FIELD("entity", "text", "实体", "Entity", "") "," FIELD("record", "text", "记录", "Record", "") "," FIELD(
			 "op",
			 "text", "操作",
			 "Operation",
			 "") "," FIELD("code", "text", "代码", "Code",
				       "") "," FIELD("text", "text", "说明", "Text",
						     "") "," FIELD("values", "json", "所提交的值",
								   "Values",
								   ",\"personal\":1") "," FIELD("device",
												"text",
												"设备",
												"Device",
												"") "," FIELD("seq",
													      "integer",
													      "变更集",
													      "Change set",
													      "") "," FIELD("index",
															    "integer",
															    "序号",
															    "Index",
															    "")
			 TAIL},
	{"claim", HEAD("review", "待认领", "Claim")
			  FIELD("entity", "text", "实体", "Entity",
				"") "," FIELD("record", "text", "记录", "Record", "") TAIL},
};

#define ENGINE_ENTITIES (sizeof engine_entities / sizeof *engine_entities)

static enum rep_code load_one(struct rep_loader *ld, struct rep_entity *entity,
			      const struct engine_entity *source)
{
	struct rep_json *doc;
	enum rep_code rc = rep_json_parse(&doc, source->text, strlen(source->text),
					  REP_SCHEMA_FILE_SIZE_MAX, REP_SCHEMA_DEPTH_MAX, ld->err);

	if (rc)
		return rc;
	doc = rep_arena_json(ld->arena, doc);
	if (!doc)
		return rep_loader_no_memory(ld);
	rc = rep_load_entity(ld, entity, source->name, doc);
	return rc ? rc : rep_resolve_entity(ld, entity, doc);
}

size_t rep_builtin_count(void)
{
	return ENGINE_ENTITIES;
}

enum rep_code rep_load_builtin(struct rep_loader *ld)
{
	enum rep_code rc = REP_OK;

	ld->file = "engine";
	ld->engine = true;
	for (size_t i = 0; !rc && i < ENGINE_ENTITIES; i++)
		rc = load_one(ld, &ld->schema->entities[ld->schema->entities_len++],
			      &engine_entities[i]);
	ld->engine = false;
	ld->entity = ld->field = NULL;
	return rc;
}
