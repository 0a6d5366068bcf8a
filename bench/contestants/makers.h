// The contestants, one function and one file each; contestants.cc has them by name.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "bench/contestants/store.h"

namespace onelane::bench {

using MakeStore = std::unique_ptr<Store>(const StoreOptions& options);

// Every thread has a connection of its own, and a transaction for each write.
MakeStore make_direct;
// One connection behind a lock, and a transaction for each write.
MakeStore make_mutex;
// A thread that commits what has come: 32 rows, or what there is after 25 ms.
MakeStore make_fixed_batch;
// Of the threads that wait, one commits for all.
MakeStore make_leader;
// One thread (one writer), no queue, transactions of a given size: what SQLite itself can do.
MakeStore make_ceiling;
MakeStore make_onelane;
// onelane at synchronous=normal, whatever the case's level. Its writes wait for durable.
MakeStore make_durable;
// onelane at synchronous=normal, whatever the case's level, with an intake. Its writes wait for
// journaled, and a drain for their commit.
MakeStore make_journaled;
// onelane, while it records a trace.
MakeStore make_traced;
// onelane, while one reader's transaction keeps the log from being copied back.
MakeStore make_beside_reader;
MakeStore make_rocksdb;
MakeStore make_leveldb;
// On PostgreSQL. Every thread has a connection of its own, and a write is a statement by itself.
MakeStore make_pg_autocommit;
// The same with 16 connections, of which each write takes one.
MakeStore make_pg_pool;
// One thread (one writer), one connection in pipeline mode, transactions of a given size.
MakeStore make_pg_pipeline;
// onelane on its sink for PostgreSQL.
MakeStore make_pg_onelane;
// server_of(), of options.postgres.
nlohmann::json pg_server(const StoreOptions& options);

}  // namespace onelane::bench
