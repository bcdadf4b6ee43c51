# Written by `edgebook export --format terraform`. Plan it first.
# After the import it sets in place what the provider can't read back, and nothing else:
# - labels of 11 resources: an import leaves them empty in the state
terraform {
  required_version = ">= 1.5.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.14.0, < 8.0.0"
    }
  }
}

provider "google" {
  project = "shop-rehearsal"
}

resource "google_compute_global_address" "shop_edge" {
  project      = "shop-rehearsal"
  name         = "shop-edge"
  address_type = "EXTERNAL"
  ip_version   = "IPV4"
  description  = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }
}

resource "google_dns_record_set" "wildcard_shop_example_com_a" {
  project      = "shop-rehearsal"
  managed_zone = "shop-example"
  name         = "*.shop.example.com."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.shop_edge.address]
}

resource "google_dns_record_set" "shop_example_com_a" {
  project      = "shop-rehearsal"
  managed_zone = "shop-example"
  name         = "shop.example.com."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.shop_edge.address]
}

resource "google_certificate_manager_certificate" "shop" {
  project     = "shop-rehearsal"
  name        = "shop"
  description = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }

  managed {
    domains            = ["*.shop.example.com", "shop.example.com"]
    dns_authorizations = [google_certificate_manager_dns_authorization.shop_example_com.id]
  }
}

resource "google_certificate_manager_certificate_map" "shop" {
  project     = "shop-rehearsal"
  name        = "shop"
  description = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }
}

resource "google_certificate_manager_certificate_map_entry" "primary" {
  project      = "shop-rehearsal"
  map          = google_certificate_manager_certificate_map.shop.name
  name         = "primary"
  matcher      = "PRIMARY"
  certificates = [google_certificate_manager_certificate.shop.id]
  description  = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }
}

resource "google_certificate_manager_certificate_map_entry" "shop_example_com" {
  project      = "shop-rehearsal"
  map          = google_certificate_manager_certificate_map.shop.name
  name         = "shop-example-com"
  hostname     = "shop.example.com"
  certificates = [google_certificate_manager_certificate.shop.id]
  description  = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }
}

resource "google_certificate_manager_certificate_map_entry" "wildcard_shop_example_com" {
  project      = "shop-rehearsal"
  map          = google_certificate_manager_certificate_map.shop.name
  name         = "wildcard-shop-example-com"
  hostname     = "*.shop.example.com"
  certificates = [google_certificate_manager_certificate.shop.id]
  description  = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }
}

resource "google_certificate_manager_dns_authorization" "shop_example_com" {
  project     = "shop-rehearsal"
  name        = "shop-example-com"
  domain      = "shop.example.com"
  type        = "PER_PROJECT_RECORD"
  description = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }
}

resource "google_dns_record_set" "acme_challenge_shop_example_com_cname" {
  project      = "shop-rehearsal"
  managed_zone = "shop-example"
  name         = google_certificate_manager_dns_authorization.shop_example_com.dns_resource_record[0].name
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [google_certificate_manager_dns_authorization.shop_example_com.dns_resource_record[0].data]
}

resource "google_compute_backend_service" "shop_api" {
  project                         = "shop-rehearsal"
  name                            = "shop-api"
  protocol                        = "HTTP"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  health_checks                   = [google_compute_health_check.shop_api_http.id]
  connection_draining_timeout_sec = 30
  timeout_sec                     = 30
  session_affinity                = "NONE"
  enable_cdn                      = false
  affinity_cookie_ttl_sec         = 0
  description                     = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  lifecycle {
    ignore_changes = [backend]
  }
}

resource "google_compute_backend_service" "shop_mqtt" {
  project                         = "shop-rehearsal"
  name                            = "shop-mqtt"
  protocol                        = "TCP"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  health_checks                   = [google_compute_health_check.shop_mqtt_tcp.id]
  connection_draining_timeout_sec = 60
  timeout_sec                     = 3600
  session_affinity                = "NONE"
  description                     = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  lifecycle {
    ignore_changes = [backend]
  }
}

resource "google_compute_backend_service" "shop_postgres" {
  project                         = "shop-rehearsal"
  name                            = "shop-postgres"
  protocol                        = "TCP"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  health_checks                   = [google_compute_health_check.shop_postgres_tcp.id]
  connection_draining_timeout_sec = 60
  timeout_sec                     = 3600
  session_affinity                = "NONE"
  description                     = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  lifecycle {
    ignore_changes = [backend]
  }
}

resource "google_compute_backend_service" "shop_web" {
  project                         = "shop-rehearsal"
  name                            = "shop-web"
  protocol                        = "HTTPS"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  health_checks                   = [google_compute_health_check.shop_web_https.id]
  connection_draining_timeout_sec = 60
  timeout_sec                     = 30
  session_affinity                = "NONE"
  enable_cdn                      = false
  affinity_cookie_ttl_sec         = 0
  description                     = "Kept by Edgebook (front door shop)"

  log_config {
    enable      = true
    sample_rate = 1
  }

  lifecycle {
    ignore_changes = [backend]
  }
}

resource "google_compute_global_forwarding_rule" "shop_postgres" {
  project               = "shop-rehearsal"
  name                  = "shop-postgres"
  ip_address            = google_compute_global_address.shop_edge.address
  ip_protocol           = "TCP"
  port_range            = "5432"
  target                = google_compute_target_tcp_proxy.shop_postgres.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  network_tier          = "PREMIUM"
  description           = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }

  lifecycle {
    ignore_changes = [ip_version]
  }
}

resource "google_compute_global_forwarding_rule" "shop_web_redirect" {
  project               = "shop-rehearsal"
  name                  = "shop-web-redirect"
  ip_address            = google_compute_global_address.shop_edge.address
  ip_protocol           = "TCP"
  port_range            = "80"
  target                = google_compute_target_http_proxy.shop_web_redirect.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  network_tier          = "PREMIUM"
  description           = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }

  lifecycle {
    ignore_changes = [ip_version]
  }
}

resource "google_compute_health_check" "shop_api_http" {
  project             = "shop-rehearsal"
  name                = "shop-api-http"
  check_interval_sec  = 5
  timeout_sec         = 5
  healthy_threshold   = 2
  unhealthy_threshold = 2
  description         = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  http_health_check {
    port_specification = "USE_SERVING_PORT"
    proxy_header       = "NONE"
    request_path       = "/healthz"
  }
}

resource "google_compute_health_check" "shop_mqtt_tcp" {
  project             = "shop-rehearsal"
  name                = "shop-mqtt-tcp"
  check_interval_sec  = 5
  timeout_sec         = 5
  healthy_threshold   = 2
  unhealthy_threshold = 2
  description         = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  tcp_health_check {
    port_specification = "USE_SERVING_PORT"
    proxy_header       = "NONE"
  }
}

resource "google_compute_health_check" "shop_postgres_tcp" {
  project             = "shop-rehearsal"
  name                = "shop-postgres-tcp"
  check_interval_sec  = 5
  timeout_sec         = 5
  healthy_threshold   = 2
  unhealthy_threshold = 2
  description         = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  tcp_health_check {
    port_specification = "USE_SERVING_PORT"
    proxy_header       = "NONE"
  }
}

resource "google_compute_health_check" "shop_web_https" {
  project             = "shop-rehearsal"
  name                = "shop-web-https"
  check_interval_sec  = 5
  timeout_sec         = 5
  healthy_threshold   = 2
  unhealthy_threshold = 2
  description         = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  https_health_check {
    port_specification = "USE_SERVING_PORT"
    proxy_header       = "NONE"
    request_path       = "/healthz"
  }
}

resource "google_compute_ssl_policy" "shop_web" {
  project         = "shop-rehearsal"
  name            = "shop-web"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
  description     = "Kept by Edgebook (front door shop)"
}

resource "google_compute_target_http_proxy" "shop_web_redirect" {
  project     = "shop-rehearsal"
  name        = "shop-web-redirect"
  url_map     = google_compute_url_map.shop_web_redirect.id
  description = "Kept by Edgebook (front door shop)"
}

resource "google_compute_target_tcp_proxy" "shop_postgres" {
  project         = "shop-rehearsal"
  name            = "shop-postgres"
  backend_service = google_compute_backend_service.shop_postgres.id
  proxy_header    = "NONE"
  description     = "Kept by Edgebook (front door shop)"
}

resource "google_compute_url_map" "shop" {
  project         = "shop-rehearsal"
  name            = "shop"
  default_service = google_compute_backend_service.shop_web.id
  description     = "Kept by Edgebook (front door shop)"

  host_rule {
    hosts        = ["*.shop.example.com", "shop.example.com"]
    path_matcher = "wildcard-shop-example-com"
  }

  path_matcher {
    name            = "wildcard-shop-example-com"
    default_service = google_compute_backend_service.shop_web.id

    path_rule {
      paths   = ["/api/*"]
      service = google_compute_backend_service.shop_api.id
    }
  }

  test {
    host    = "edgebook-test.shop.example.com"
    path    = "/edgebook-test"
    service = google_compute_backend_service.shop_web.id
  }

  test {
    host    = "edgebook-test.shop.example.com"
    path    = "/api/edgebook-test"
    service = google_compute_backend_service.shop_api.id
  }
}

resource "google_compute_url_map" "shop_web_redirect" {
  project     = "shop-rehearsal"
  name        = "shop-web-redirect"
  description = "Kept by Edgebook (front door shop)"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }
}

resource "google_compute_global_forwarding_rule" "shop_mqtt" {
  project               = "shop-rehearsal"
  name                  = "shop-mqtt"
  ip_address            = google_compute_global_address.shop_edge.address
  ip_protocol           = "TCP"
  port_range            = "8883"
  target                = google_compute_target_ssl_proxy.shop_mqtt.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  network_tier          = "PREMIUM"
  description           = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }

  lifecycle {
    ignore_changes = [ip_version]
  }
}

resource "google_compute_global_forwarding_rule" "shop_web" {
  project               = "shop-rehearsal"
  name                  = "shop-web"
  ip_address            = google_compute_global_address.shop_edge.address
  ip_protocol           = "TCP"
  port_range            = "443"
  target                = google_compute_target_https_proxy.shop_web.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  network_tier          = "PREMIUM"
  description           = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
  }

  lifecycle {
    ignore_changes = [ip_version]
  }
}

resource "google_compute_target_https_proxy" "shop_web" {
  project                     = "shop-rehearsal"
  name                        = "shop-web"
  url_map                     = google_compute_url_map.shop.id
  quic_override               = "ENABLE"
  http_keep_alive_timeout_sec = 610
  certificate_map             = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.shop.id}"
  ssl_policy                  = google_compute_ssl_policy.shop_web.id
  description                 = "Kept by Edgebook (front door shop)"
}

resource "google_compute_target_ssl_proxy" "shop_mqtt" {
  project         = "shop-rehearsal"
  name            = "shop-mqtt"
  backend_service = google_compute_backend_service.shop_mqtt.id
  proxy_header    = "NONE"
  certificate_map = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.shop.id}"
  description     = "Kept by Edgebook (front door shop)"
}

resource "google_compute_firewall" "shop_allow_lb_blue" {
  project       = "shop-rehearsal"
  name          = "shop-allow-lb-blue"
  network       = "https://www.googleapis.com/compute/v1/projects/shop-rehearsal/global/networks/default"
  direction     = "INGRESS"
  priority      = 1000
  source_ranges = ["130.211.0.0/22", "35.191.0.0/16"]
  target_tags   = ["gke-blue-1a2b3c4d-node"]
  disabled      = false
  description   = "Kept by Edgebook (front door shop)"

  allow {
    protocol = "tcp"
    ports    = ["5432", "8080", "8443", "8883"]
  }
}

resource "google_compute_firewall" "shop_allow_lb_green" {
  project       = "shop-rehearsal"
  name          = "shop-allow-lb-green"
  network       = "https://www.googleapis.com/compute/v1/projects/shop-rehearsal/global/networks/default"
  direction     = "INGRESS"
  priority      = 1000
  source_ranges = ["130.211.0.0/22", "35.191.0.0/16"]
  target_tags   = ["gke-green-1a2b3c4d-node"]
  disabled      = false
  description   = "Kept by Edgebook (front door shop)"

  allow {
    protocol = "tcp"
    ports    = ["5432", "8080", "8443", "8883"]
  }
}
