#include "tests/sim/machine.h"

#include <sqlite3.h>

#include <string_view>
#include <utility>

#include "tests/sim/foreign.h"

namespace onelane::test {

namespace {

void check(sqlite3* db, std::string& damage) {
  const auto take = [](void* out, int, char** values, char**) {
    const std::string_view said = values[0] == nullptr ? "NULL" : values[0];
    if (said != "ok") (*static_cast<std::string*>(out) += said) += "; ";
    return 0;
  };
  if (sqlite3_exec(db, "PRAGMA integrity_check", take, &damage, nullptr) != SQLITE_OK) {
    damage += sqlite3_errmsg(db);
  }
}

}  // namespace

Machine::Machine(std::string database)
    : database_(std::move(database)),
      vfs_("simulated", DiskVfs::Use::by_default),
      foreign_vfs_("another process", DiskVfs::Use::by_name),
      own_vfs_("machine", DiskVfs::Use::by_name) {
  intake::use_storage(&storage_);
  make_blanks();
}

void Machine::mount(const std::shared_ptr<Disk>& disk) {
  vfs_.mount(disk);
  foreign_vfs_.mount(disk);
  storage_.mount(disk);
}

void Machine::make_blanks() {
  for (std::size_t i = 0; i < kPageSizes; ++i) {
    const std::shared_ptr<Disk> disk = Disk::make();
    mount(disk);
    Foreign maker(database_);
    maker.run("PRAGMA page_size=" + std::to_string(512U << i) + "; CREATE TABLE other(x);");
    maker.close();
    blanks_[i] = disk->content();
  }
}

Machine::Found Machine::look(const Image& image) {
  Found out;
  if (!image.contains(database_)) return out;
  own_vfs_.mount(Disk::make(image));
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(database_.c_str(), &db,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, own_vfs_.name());
  if (code == SQLITE_OK) {
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    check(db, out.damage);
    if (read_content(db, out.content) != SQLITE_OK) out.damage += sqlite3_errmsg(db);
  } else {
    out.damage = sqlite3_errstr(code);
  }
  sqlite3_close(db);
  return out;
}

Machine::Found Machine::open_and_look(const Image& image, const Features& features) {
  if (!image.contains(database_)) return look(image);
  const std::shared_ptr<Disk> disk = Disk::make(image);
  mount(disk);
  {
    const Result<Journal> opened =
        Journal::open(database_, {.schema = simulation_schema(features),
                                  .drive = Drive::manual,
                                  .close_timeout = Duration(0),
                                  .intake = {.dead_letters = kSimulatedLetters}});
    if (!opened) return {.damage = "the next opening: " + opened.status().to_string()};
  }
  return look(disk->content());
}

Image Machine::without_log(Image image) const {
  std::erase_if(image, [this](const auto& file) { return file.first != database_; });
  return image;
}

}  // namespace onelane::test
