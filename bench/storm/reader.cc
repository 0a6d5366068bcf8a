#include "bench/storm/reader.h"

#include "bench/kit/database.h"

namespace onelane::bench::storm {
namespace {

class FileRows : public Rows {
 public:
  explicit FileRows(Query query) : query_(std::move(query)) {}

  bool next() override { return query_.next(); }
  std::int64_t integer(int column) const override { return query_.integer(column); }
  std::string_view text(int column) const override { return query_.text(column); }
  std::span<const std::byte> blob(int column) const override { return query_.blob(column); }

 private:
  Query query_;
};

class FileReader : public Reader {
 public:
  explicit FileReader(const std::filesystem::path& database)
      : database_(database, Access::read_only) {}

  std::unique_ptr<Rows> rows(const std::string& sql) override {
    return std::make_unique<FileRows>(database_.prepare(sql));
  }

  std::string damage() override {
    const std::string answer = database_.single_text("PRAGMA integrity_check(1)");
    return answer == "ok" ? "" : "integrity_check: " + answer;
  }

 private:
  Connection database_;
};

}  // namespace

std::unique_ptr<Reader> make_file_reader(const std::filesystem::path& database) {
  return std::make_unique<FileReader>(database);
}

}  // namespace onelane::bench::storm
