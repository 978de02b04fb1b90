-- report: birthdays
-- label: zh=近期生日 | en=Upcoming birthdays
-- roles: rep commerce manager leader care
-- param: today date = @today | zh=今天 | en=today
-- param: days integer = 7 | zh=天数（含今天） | en=days, today included
-- column: who | zh=类别 | en=Who
-- column: name | zh=姓名 | en=Name
-- column: birthday | zh=生日 | en=Birthday
-- column: in_days | zh=还有几天 | en=In days
WITH
people(who, name, md) AS (
  SELECT 'contact', name, substr(birthday, -5) FROM v_contact c
  WHERE coalesce(birthday_cal, '公历') = '公历' AND birthday IS NOT NULL AND status = 'active'
    AND NOT EXISTS (SELECT 1 FROM v_consent WHERE contact = c.id AND purpose = '一切联系'
                    AND decision IN ('拒绝', '撤回'))
  UNION ALL
  SELECT 'employee', name, birthday_md FROM v_employee
  WHERE birthday_md IS NOT NULL AND status = 'active' AND coalesce(employment, '在职') = '在职'),
years(y) AS (SELECT strftime('%Y', :today) UNION SELECT strftime('%Y', :today, '+1 year')),
days(who, name, birthday, day) AS (
  SELECT who, name, md, CASE md WHEN '02-29' THEN date(y || '-03-01', '-1 day')
                        ELSE y || '-' || md END
  FROM people, years),
ahead(who, name, birthday, in_days) AS (
  SELECT who, name, birthday, CAST(julianday(day) - julianday(:today) AS INTEGER) FROM days)
SELECT who, name, birthday, in_days FROM ahead
WHERE in_days BETWEEN 0 AND :days - 1
ORDER BY in_days, who, name;
