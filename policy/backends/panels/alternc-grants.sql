-- What `nologd sync` may read of AlternC: names of columns, never a password or its hash. As root of MariaDB:
--     mariadb < alternc-grants.sql
-- No password: the server knows the Unix user nologd-sync by itself. A panel on another machine has none of this: read a dump there.
CREATE USER IF NOT EXISTS 'nologd-sync'@'localhost' IDENTIFIED VIA unix_socket WITH MAX_USER_CONNECTIONS 2;
GRANT SELECT (uid, login) ON alternc.membres TO 'nologd-sync'@'localhost';
GRANT SELECT (id, compte, domaine, gesmx, dns_action) ON alternc.domaines TO 'nologd-sync'@'localhost';
GRANT SELECT (id, domain_id, address, type, enabled, mail_action) ON alternc.address TO 'nologd-sync'@'localhost';
GRANT SELECT (address_id, quota, delivery, mail_action) ON alternc.mailbox TO 'nologd-sync'@'localhost';
GRANT SELECT (address_id, recipients) ON alternc.recipient TO 'nologd-sync'@'localhost';
-- New associations get the account's address as their contact only with this one:
-- GRANT SELECT (mail) ON alternc.membres TO 'nologd-sync'@'localhost';
