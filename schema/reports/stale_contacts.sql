-- report: stale_contacts
-- label: zh=久未核实的联系人 | en=Contacts not verified for long
-- roles: rep commerce manager leader care steward
-- param: today date = @today | zh=今天 | en=today
-- param: days integer = 180 | zh=超过天数 | en=more than days
-- column: name | zh=姓名 | en=Name
-- column: org | zh=单位 | en=Organisation
-- column: last_verified_at | zh=上次核实 | en=Last verified
-- column: days_ago | zh=天数 | en=Days ago
SELECT c.name AS name, o.name AS org, c.last_verified_at AS last_verified_at,
  CAST(julianday(:today) - julianday(coalesce(c.last_verified_at, substr(c.created_at, 1, 10)))
       AS INTEGER) AS days_ago
FROM v_contact c LEFT JOIN v_org o ON o.id = c.org
WHERE c.status = 'active'
  AND julianday(:today) - julianday(coalesce(c.last_verified_at, substr(c.created_at, 1, 10))) > :days
ORDER BY days_ago DESC, name, c.id;
