-- What `nologd sync` may read of PostfixAdmin: as the user postgres, psql -d postfixadmin -f postfixadmin-grants-postgresql.sql
-- No password: with Debian's `local all all peer` the server knows the Unix user by itself.
CREATE ROLE "nologd-sync" LOGIN CONNECTION LIMIT 2;
GRANT SELECT (domain, quota, backupmx) ON domain TO "nologd-sync";
GRANT SELECT (username, quota) ON mailbox TO "nologd-sync";
GRANT SELECT (address, goto, active) ON alias TO "nologd-sync";
GRANT SELECT (alias_domain, target_domain, active) ON alias_domain TO "nologd-sync";
GRANT SELECT (username, domain, active) ON domain_admins TO "nologd-sync";
