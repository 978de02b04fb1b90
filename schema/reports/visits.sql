-- report: visits
-- label: zh=拜访统计 | en=Visits of a period
-- roles: rep commerce development manager leader care
-- param: p period = @month | zh=期间 | en=period
-- column: rep | zh=人员 | en=Rep
-- column: type | zh=方式 | en=Type
-- column: visits | zh=次数 | en=Visits
-- column: orgs | zh=机构数 | en=Organisations
-- column: contacts | zh=联系人数 | en=Contacts
SELECT coalesce(e.name, i.created_by) AS rep, i.type AS type, count(DISTINCT i.id) AS visits,
  count(DISTINCT i.org) AS orgs, count(DISTINCT c.value) AS contacts
FROM v_interaction i LEFT JOIN v_interaction__contacts c ON c.id = i.id
  LEFT JOIN v_employee e ON e.id = i.created_by
WHERE i.started_at >= :p_from AND i.started_at < :p_until AND :p IS NOT NULL
GROUP BY i.created_by, i.type
ORDER BY rep, type;
