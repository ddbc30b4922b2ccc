-- One text for SQLite and PostgreSQL. Ids are text made by the gateway, times are milliseconds since
-- 1970-01-01T00:00:00Z and always given by it, states are words. No column holds a code or a number
-- in clear: codes are MACs, numbers are sealed, look-ups go by keyed blind indexes.

create table meta (
    key   text not null primary key,
    value text not null
);

create table api_keys (
    id            text not null primary key,
    service       text not null,
    kind          text not null check (kind in ('live', 'test')),
    secret_sha256 text not null unique,
    scopes        text not null,
    created_at    bigint not null,
    revoked_at    bigint
);
create index api_keys_by_service on api_keys (service, created_at, id);

create table verifications (
    id                 text not null primary key,
    service            text not null,
    entity             text,
    purpose            text not null,
    channel            text not null check (channel in ('call')),
    status             text not null check (status in ('pending', 'approved', 'canceled', 'expired',
                           'max_attempts_reached', 'failed', 'fraud_reported')),
    destination_sealed text,
    destination_index  text not null,
    number_index       text not null,
    masked             text not null,
    line               text not null,
    locale             text not null,
    locale_used        text not null,
    code_length        bigint not null check (code_length between 6 and 10),
    human_check_digits bigint not null check (human_check_digits between 0 and 2),
    code_mac           text,
    code_key_version   bigint,
    checks_used        bigint not null,
    checks_max         bigint not null check (checks_max between 1 and 5),
    sends_used         bigint not null,
    sends_max          bigint not null check (sends_max between 1 and 5),
    metadata           text not null,
    created_at         bigint not null,
    expires_at         bigint not null,
    resend_after       bigint,
    consumed_at        bigint,
    ended_at           bigint,
    check (checks_used between 0 and checks_max),
    check (sends_used between 1 and sends_max),
    check ((code_mac is null) = (code_key_version is null)),
    -- A verification that is over has an end, and its code is gone.
    check ((status = 'pending') = (ended_at is null)),
    check (status = 'pending' or code_mac is null),
    -- Approved means consumed, and a code is consumed once.
    check ((status = 'approved') = (consumed_at is not null))
);
create unique index verifications_one_pending
    on verifications (service, purpose, destination_index) where status = 'pending';
create index verifications_by_service on verifications (service, created_at, id);
create index verifications_by_expiry on verifications (expires_at, id) where status = 'pending';

create table attempts (
    id                text not null primary key,
    verification      text not null references verifications (id),
    number_index      text not null,
    ordinal           bigint not null check (ordinal >= 1),
    send              bigint not null check (send >= 1),
    origin            text not null check (origin in ('request', 'redial', 'failover')),
    state             text not null check (state in ('queued', 'dialing', 'proceeding', 'early_media',
                          'ringing', 'answered', 'human_confirmed', 'playing', 'ended')),
    reason            text,
    trunk             text,
    node              text,
    lease_until       bigint,
    created_at        bigint not null,
    due_at            bigint not null,
    dialed_at         bigint,
    ended_at          bigint,
    rang              boolean not null,
    answered          boolean not null,
    forwarded         boolean not null,
    human_confirmed   boolean not null,
    delivery          text not null check (delivery in ('none', 'partial', 'full')),
    readings          bigint not null,
    last_digit_index  bigint,
    audio_received    boolean not null,
    keys_seen         bigint not null,
    sip_status        bigint,
    q850_cause        bigint,
    detail            text,
    packets_sent      bigint not null,
    packets_received  bigint not null,
    packets_lost      bigint not null,
    setup_ms          bigint not null,
    talk_ms           bigint not null,
    unique (verification, ordinal),
    check ((state = 'ended') = (ended_at is not null)),
    check ((state = 'ended') = (reason is not null)),
    -- A call that is up is held by a gateway; one that waits or is over is not.
    check ((state in ('queued', 'ended')) = (lease_until is null))
);
create unique index attempts_one_up on attempts (verification) where state <> 'ended';
create index attempts_by_due on attempts (due_at, id) where state = 'queued';
create index attempts_by_lease on attempts (lease_until, id) where lease_until is not null;
create index attempts_by_number on attempts (number_index, created_at);

create table idempotency_keys (
    service      text not null,
    key          text not null,
    fingerprint  text not null,
    status       bigint,
    body         text,
    lease_until  bigint not null,
    created_at   bigint not null,
    expires_at   bigint not null,
    primary key (service, key),
    check ((status is null) = (body is null))
);
create index idempotency_keys_by_expiry on idempotency_keys (expires_at);

create table outbox (
    id           text not null primary key,
    service      text not null,
    verification text,
    attempt      text,
    kind         text not null,
    data         text not null,
    created_at   bigint not null
);
create index outbox_by_verification on outbox (verification, id);

create table audit (
    id         text not null primary key,
    service    text,
    actor      text not null,
    action     text not null,
    subject    text not null,
    detail     text not null,
    created_at bigint not null
);
create index audit_by_subject on audit (subject, id);
