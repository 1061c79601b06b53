-- What `nologd sync` may read of Modoboa: as the user postgres, psql -d modoboa -f modoboa-grants-postgresql.sql
CREATE ROLE "nologd-sync" LOGIN CONNECTION LIMIT 2;
GRANT SELECT (id, name, quota, default_mailbox_quota, type) ON admin_domain TO "nologd-sync";
GRANT SELECT (address, domain_id, quota, use_domain_quota) ON admin_mailbox TO "nologd-sync";
GRANT SELECT (id, address, enabled, internal) ON admin_alias TO "nologd-sync";
GRANT SELECT (alias_id, address) ON admin_aliasrecipient TO "nologd-sync";
GRANT SELECT (name, target_id, enabled) ON admin_domainalias TO "nologd-sync";
