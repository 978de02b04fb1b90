-- report: open_jobs
-- label: zh=未完成的工单 | en=Open jobs
-- roles: engineer dispatcher
-- param: kind job.kind | zh=类别 | en=kind
-- param: since date = @today | zh=自 | en=since
-- column: title | zh=事项 | en=Title
-- column: site | zh=客户 | en=Site
SELECT j.title AS title, s.name AS site
FROM v_job j LEFT JOIN v_unit u ON u.id = j.unit LEFT JOIN v_site s ON s.id = u.site
WHERE j.state NOT IN ('done', 'closed') AND (:kind IS NULL OR j.kind = :kind)
  AND substr(j.planned_at, 1, 10) >= :since
ORDER BY j.planned_at, j.id;
