// A least-squares fit of took = a*u + b*v, in which older samples count less and less.
#pragma once

namespace onelane::inline v0::base {

struct LeastSquares {
  struct Solution {
    double a = 0, b = 0;
  };

  // Of the older samples, `keep` is kept.
  void add(double u, double v, double took, double keep) {
    uu = keep * uu + u * u;
    uv = keep * uv + u * v;
    vv = keep * vv + v * v;
    ut = keep * ut + u * took;
    vt = keep * vt + v * took;
  }
  // Positive unless the samples cannot tell a from b.
  double determinant() const { return uu * vv - uv * uv; }
  // Only where the determinant is not 0.
  Solution solve() const {
    const double det = determinant();
    return {(ut * vv - vt * uv) / det, (vt * uu - ut * uv) / det};
  }

  double uu = 0, uv = 0, vv = 0, ut = 0, vt = 0;  // sums of products
};

}  // namespace onelane::inline v0::base
