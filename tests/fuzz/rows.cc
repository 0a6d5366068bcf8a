// The decoders of rows and of payloads made of them, and what is derived from a row that passed its
// check: whatever the bytes, nothing outside them is read, and what was read encodes to them again.
#include <cstring>
#include <span>
#include <vector>

#include "onelane/record.h"
#include "src/model/row.h"
#include "tests/fuzz/fuzz.h"

namespace onelane::test {
namespace {

using model::Frame;
using model::FrameReader;
using model::RowReader;
using model::RowValue;
using model::Tag;

// A copy of its own, so that AddressSanitizer sees the first byte behind it.
std::vector<std::byte> exactly(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

void encode(Row& row, const RowValue& value) {
  switch (value.tag) {
    case Tag::null:
      row.null();
      return;
    case Tag::integer:
      row.integer(value.integer);
      return;
    case Tag::real:
      row.real(value.real);
      return;
    case Tag::text:
      row.text({reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
      return;
    case Tag::blob:
      row.blob(value.bytes);
      return;
  }
}

// Any row has a statement that it fits, and no other number of columns does.
StatementSpec statement_of(std::span<const std::byte> row) {
  StatementSpec spec;
  spec.sql = "a statement";
  RowReader reader(row);
  for (RowValue value; reader.next(value);) {
    const bool null = value.tag == Tag::null;
    const auto type =
        null ? ColumnType::integer : static_cast<ColumnType>(static_cast<int>(value.tag) - 1);
    spec.columns.push_back({.type = type, .nullable = null});
    if (spec.columns.size() % 2 == 1) {
      spec.key_columns.push_back(static_cast<std::uint16_t>(spec.columns.size() - 1));
    }
  }
  return spec;
}

void check_key(const StatementSpec& spec, std::span<const std::byte> row) {
  std::size_t keyed = sizeof(Statement::index);
  bool null = false;
  std::size_t column = 0;
  RowReader reader(row);
  std::size_t left = reader.bytes_left();
  for (RowValue value; reader.next(value); ++column) {
    if (column % 2 == 0) keyed += left - reader.bytes_left();
    null = null || (column % 2 == 0 && value.tag == Tag::null);
    left = reader.bytes_left();
  }
  std::vector<std::byte> key(model::key_size(spec, row));
  if (null) return require(key.empty(), "a row with NULL in a key column has no key");
  require(key.size() == keyed, "a key has the bytes of its columns");
  model::write_key(spec, Statement{.index = 7}, row, key.data());
}

void check_row_bytes(std::span<const std::byte> bytes) {
  const std::vector<std::byte> row = exactly(bytes);
  RowReader reader(row);
  Row again;
  for (RowValue value; reader.next(value);) encode(again, value);
  StatementSpec spec = statement_of(row);
  const bool fits = model::check_row(spec, row).ok();
  require(fits == reader.ok(), "what can be read fits a statement made for it, and nothing else");
  if (!reader.ok()) return;
  check_key(spec, row);
  spec.columns.push_back({.type = ColumnType::text, .nullable = true});
  require(!model::check_row(spec, row).ok(), "a row with a column too few is refused");
  // Row refuses a NaN, which the decoder leaves to it.
  if (again.status().ok()) {
    require(again.bytes().size() == row.size() &&
                std::memcmp(again.bytes().data(), row.data(), row.size()) == 0,
            "what was read encodes to the same bytes");
  }
}

void check_payload(std::span<const std::byte> bytes) {
  const std::vector<std::byte> payload = exactly(bytes);
  FrameReader frames(payload);
  std::size_t read = 0;
  for (Frame frame; frames.next(frame);) {
    read += model::kFrameHeaderBytes + frame.row.size();
    require(read <= payload.size(), "frames end before their payload does");
    check_row_bytes(frame.row);
  }
  require(!frames.ok() || read == payload.size(), "a payload that is in order is read to its end");
}

}  // namespace
}  // namespace onelane::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  onelane::test::check_row_bytes(bytes);
  onelane::test::check_payload(bytes);
  return 0;
}
