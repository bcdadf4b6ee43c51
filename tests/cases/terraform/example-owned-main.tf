# Written by `edgebook export --format terraform`. Plan it first.
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
  project = "acme-shop-prod"
}

variable "iap_client" {
  type        = string
  sensitive   = true
  description = "kept in projects/acme-shop-prod/secrets/iap-client/versions/1"
}

resource "google_compute_global_address" "shop_edge" {
  project      = "acme-shop-prod"
  name         = "shop-edge"
  address_type = "EXTERNAL"
  ip_version   = "IPV4"
  description  = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }
}

resource "google_compute_global_address" "shop_edge_ipv6" {
  project      = "acme-shop-prod"
  name         = "shop-edge-ipv6"
  address_type = "EXTERNAL"
  ip_version   = "IPV6"
  description  = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }
}

resource "google_dns_record_set" "wildcard_shop_acme_example_a" {
  project      = "acme-dns"
  managed_zone = "acme-example"
  name         = "*.shop.acme.example."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.shop_edge.address]
}

resource "google_dns_record_set" "wildcard_shop_acme_example_aaaa" {
  project      = "acme-dns"
  managed_zone = "acme-example"
  name         = "*.shop.acme.example."
  type         = "AAAA"
  ttl          = 300
  rrdatas      = [google_compute_global_address.shop_edge_ipv6.address]
}

resource "google_dns_record_set" "mqtt_acme_example_a" {
  project      = "acme-dns"
  managed_zone = "acme-example"
  name         = "mqtt.acme.example."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.shop_edge.address]
}

resource "google_dns_record_set" "mqtt_acme_example_aaaa" {
  project      = "acme-dns"
  managed_zone = "acme-example"
  name         = "mqtt.acme.example."
  type         = "AAAA"
  ttl          = 300
  rrdatas      = [google_compute_global_address.shop_edge_ipv6.address]
}

resource "google_dns_record_set" "shop_acme_example_a" {
  project      = "acme-dns"
  managed_zone = "acme-example"
  name         = "shop.acme.example."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.shop_edge.address]
}

resource "google_dns_record_set" "shop_acme_example_aaaa" {
  project      = "acme-dns"
  managed_zone = "acme-example"
  name         = "shop.acme.example."
  type         = "AAAA"
  ttl          = 300
  rrdatas      = [google_compute_global_address.shop_edge_ipv6.address]
}

resource "google_certificate_manager_certificate" "shop" {
  project     = "acme-shop-prod"
  name        = "shop"
  description = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }

  managed {
    domains            = ["*.shop.acme.example", "mqtt.acme.example", "shop.acme.example"]
    dns_authorizations = [google_certificate_manager_dns_authorization.mqtt_acme_example.id, google_certificate_manager_dns_authorization.shop_acme_example.id]
  }
}

resource "google_certificate_manager_certificate_map" "shop" {
  project     = "acme-shop-prod"
  name        = "shop"
  description = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }
}

resource "google_certificate_manager_certificate_map_entry" "mqtt_acme_example" {
  project      = "acme-shop-prod"
  map          = google_certificate_manager_certificate_map.shop.name
  name         = "mqtt-acme-example"
  hostname     = "mqtt.acme.example"
  certificates = [google_certificate_manager_certificate.shop.id]
  description  = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }
}

resource "google_certificate_manager_certificate_map_entry" "primary" {
  project      = "acme-shop-prod"
  map          = google_certificate_manager_certificate_map.shop.name
  name         = "primary"
  matcher      = "PRIMARY"
  certificates = [google_certificate_manager_certificate.shop.id]
  description  = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }
}

resource "google_certificate_manager_certificate_map_entry" "shop_acme_example" {
  project      = "acme-shop-prod"
  map          = google_certificate_manager_certificate_map.shop.name
  name         = "shop-acme-example"
  hostname     = "shop.acme.example"
  certificates = [google_certificate_manager_certificate.shop.id]
  description  = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }
}

resource "google_certificate_manager_certificate_map_entry" "wildcard_shop_acme_example" {
  project      = "acme-shop-prod"
  map          = google_certificate_manager_certificate_map.shop.name
  name         = "wildcard-shop-acme-example"
  hostname     = "*.shop.acme.example"
  certificates = [google_certificate_manager_certificate.shop.id]
  description  = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }
}

resource "google_certificate_manager_dns_authorization" "mqtt_acme_example" {
  project     = "acme-shop-prod"
  name        = "mqtt-acme-example"
  domain      = "mqtt.acme.example"
  type        = "PER_PROJECT_RECORD"
  description = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }
}

resource "google_certificate_manager_dns_authorization" "shop_acme_example" {
  project     = "acme-shop-prod"
  name        = "shop-acme-example"
  domain      = "shop.acme.example"
  type        = "PER_PROJECT_RECORD"
  description = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }
}

resource "google_dns_record_set" "acme_challenge_mqtt_acme_example_cname" {
  project      = "acme-dns"
  managed_zone = "acme-example"
  name         = google_certificate_manager_dns_authorization.mqtt_acme_example.dns_resource_record[0].name
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [google_certificate_manager_dns_authorization.mqtt_acme_example.dns_resource_record[0].data]
}

resource "google_dns_record_set" "acme_challenge_shop_acme_example_cname" {
  project      = "acme-dns"
  managed_zone = "acme-example"
  name         = google_certificate_manager_dns_authorization.shop_acme_example.dns_resource_record[0].name
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [google_certificate_manager_dns_authorization.shop_acme_example.dns_resource_record[0].data]
}

resource "google_compute_backend_service" "shop_api" {
  project                         = "acme-shop-prod"
  name                            = "shop-api"
  protocol                        = "HTTP2"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  health_checks                   = [google_compute_health_check.shop_api_http2.id]
  connection_draining_timeout_sec = 60
  timeout_sec                     = 30
  session_affinity                = "NONE"
  enable_cdn                      = false
  affinity_cookie_ttl_sec         = 0
  description                     = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  iap {
    enabled              = true
    oauth2_client_id     = "1234567890-abc.apps.googleusercontent.com"
    oauth2_client_secret = var.iap_client
  }

  backend {
    group                 = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/zones/us-central1-a/networkEndpointGroups/shop-api-blue"
    balancing_mode        = "RATE"
    max_rate_per_endpoint = 200
  }

  backend {
    group                 = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/zones/us-central1-b/networkEndpointGroups/shop-api-blue"
    balancing_mode        = "RATE"
    max_rate_per_endpoint = 200
  }
}

resource "google_compute_backend_service" "shop_canary" {
  project                         = "acme-shop-prod"
  name                            = "shop-canary"
  protocol                        = "HTTPS"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  health_checks                   = [google_compute_health_check.shop_canary_https.id]
  connection_draining_timeout_sec = 60
  timeout_sec                     = 30
  session_affinity                = "NONE"
  enable_cdn                      = false
  affinity_cookie_ttl_sec         = 0
  description                     = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  backend {
    group                 = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/zones/us-central1-a/networkEndpointGroups/shop-canary-blue"
    balancing_mode        = "RATE"
    max_rate_per_endpoint = 100
  }

  backend {
    group                 = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/zones/us-central1-b/networkEndpointGroups/shop-canary-blue"
    balancing_mode        = "RATE"
    max_rate_per_endpoint = 100
  }
}

resource "google_compute_backend_service" "shop_mqtt" {
  project                         = "acme-shop-prod"
  name                            = "shop-mqtt"
  protocol                        = "TCP"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  health_checks                   = [google_compute_health_check.shop_mqtt_tcp.id]
  connection_draining_timeout_sec = 600
  timeout_sec                     = 3600
  session_affinity                = "NONE"
  description                     = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  backend {
    group                        = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/zones/us-central1-a/networkEndpointGroups/shop-mqtt-blue"
    balancing_mode               = "CONNECTION"
    max_connections_per_endpoint = 500
  }

  backend {
    group                        = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/zones/us-central1-b/networkEndpointGroups/shop-mqtt-blue"
    balancing_mode               = "CONNECTION"
    max_connections_per_endpoint = 500
  }
}

resource "google_compute_backend_service" "shop_web" {
  project                         = "acme-shop-prod"
  name                            = "shop-web"
  protocol                        = "HTTPS"
  load_balancing_scheme           = "EXTERNAL_MANAGED"
  health_checks                   = [google_compute_health_check.shop_web_https.id]
  connection_draining_timeout_sec = 60
  timeout_sec                     = 30
  session_affinity                = "NONE"
  enable_cdn                      = false
  custom_request_headers          = ["X-Client-Region: {client_region}"]
  affinity_cookie_ttl_sec         = 0
  security_policy                 = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/global/securityPolicies/shop-armor"
  locality_lb_policy              = "LEAST_REQUEST"
  description                     = "Kept by Edgebook (front door shop)"

  log_config {
    enable      = true
    sample_rate = 1
  }

  outlier_detection {
    consecutive_errors = 5

    interval {
      seconds = "10"
    }
  }

  backend {
    group                 = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/zones/us-central1-a/networkEndpointGroups/shop-web-blue"
    balancing_mode        = "RATE"
    max_rate_per_endpoint = 100
  }

  backend {
    group                 = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/zones/us-central1-b/networkEndpointGroups/shop-web-blue"
    balancing_mode        = "RATE"
    max_rate_per_endpoint = 100
  }
}

resource "google_compute_global_forwarding_rule" "shop_web_redirect" {
  project               = "acme-shop-prod"
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
    team     = "platform"
  }

  lifecycle {
    ignore_changes = [ip_version]
  }
}

resource "google_compute_global_forwarding_rule" "shop_web_redirect_ipv6" {
  project               = "acme-shop-prod"
  name                  = "shop-web-redirect-ipv6"
  ip_address            = google_compute_global_address.shop_edge_ipv6.address
  ip_protocol           = "TCP"
  port_range            = "80"
  target                = google_compute_target_http_proxy.shop_web_redirect.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  network_tier          = "PREMIUM"
  description           = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }

  lifecycle {
    ignore_changes = [ip_version]
  }
}

resource "google_compute_health_check" "shop_api_http2" {
  project             = "acme-shop-prod"
  name                = "shop-api-http2"
  check_interval_sec  = 5
  timeout_sec         = 5
  healthy_threshold   = 2
  unhealthy_threshold = 2
  description         = "Kept by Edgebook (front door shop)"

  log_config {
    enable = false
  }

  http2_health_check {
    port_specification = "USE_SERVING_PORT"
    proxy_header       = "NONE"
    request_path       = "/ready"
  }
}

resource "google_compute_health_check" "shop_canary_https" {
  project             = "acme-shop-prod"
  name                = "shop-canary-https"
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
    host               = "shop.acme.example"
  }
}

resource "google_compute_health_check" "shop_mqtt_tcp" {
  project             = "acme-shop-prod"
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
    proxy_header       = "PROXY_V1"
  }
}

resource "google_compute_health_check" "shop_web_https" {
  project             = "acme-shop-prod"
  name                = "shop-web-https"
  check_interval_sec  = 10
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
    host               = "shop.acme.example"
  }
}

resource "google_compute_ssl_policy" "shop_mqtt" {
  project         = "acme-shop-prod"
  name            = "shop-mqtt"
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"
  description     = "Kept by Edgebook (front door shop)"
}

resource "google_compute_ssl_policy" "shop_web" {
  project         = "acme-shop-prod"
  name            = "shop-web"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
  description     = "Kept by Edgebook (front door shop)"
}

resource "google_compute_target_http_proxy" "shop_web_redirect" {
  project     = "acme-shop-prod"
  name        = "shop-web-redirect"
  url_map     = google_compute_url_map.shop_web_redirect.id
  description = "Kept by Edgebook (front door shop)"
}

resource "google_compute_url_map" "shop" {
  project     = "acme-shop-prod"
  name        = "shop"
  description = "Kept by Edgebook (front door shop)"

  default_route_action {
    weighted_backend_services {
      backend_service = google_compute_backend_service.shop_canary.id
      weight          = 5
    }

    weighted_backend_services {
      backend_service = google_compute_backend_service.shop_web.id
      weight          = 95
    }
  }

  host_rule {
    hosts        = ["shop.acme.example"]
    path_matcher = "shop-acme-example"
  }

  host_rule {
    hosts        = ["*.shop.acme.example"]
    path_matcher = "wildcard-shop-acme-example"
  }

  path_matcher {
    name = "shop-acme-example"

    default_route_action {
      weighted_backend_services {
        backend_service = google_compute_backend_service.shop_canary.id
        weight          = 5
      }

      weighted_backend_services {
        backend_service = google_compute_backend_service.shop_web.id
        weight          = 95
      }
    }

    path_rule {
      paths   = ["/api/*"]
      service = google_compute_backend_service.shop_api.id
    }

    path_rule {
      paths = ["/old/*"]

      url_redirect {
        redirect_response_code = "PERMANENT_REDIRECT"
        strip_query            = false
        prefix_redirect        = "/new/"
      }
    }
  }

  path_matcher {
    name            = "wildcard-shop-acme-example"
    default_service = google_compute_backend_service.shop_web.id
  }

  test {
    host    = "shop.acme.example"
    path    = "/api/edgebook-test"
    service = google_compute_backend_service.shop_api.id
  }

  test {
    host    = "edgebook-test.shop.acme.example"
    path    = "/edgebook-test"
    service = google_compute_backend_service.shop_web.id
  }
}

resource "google_compute_url_map" "shop_web_redirect" {
  project     = "acme-shop-prod"
  name        = "shop-web-redirect"
  description = "Kept by Edgebook (front door shop)"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }
}

resource "google_compute_global_forwarding_rule" "shop_mqtt" {
  project               = "acme-shop-prod"
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
    team     = "platform"
  }

  lifecycle {
    ignore_changes = [ip_version]
  }
}

resource "google_compute_global_forwarding_rule" "shop_mqtt_ipv6" {
  project               = "acme-shop-prod"
  name                  = "shop-mqtt-ipv6"
  ip_address            = google_compute_global_address.shop_edge_ipv6.address
  ip_protocol           = "TCP"
  port_range            = "8883"
  target                = google_compute_target_ssl_proxy.shop_mqtt.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  network_tier          = "PREMIUM"
  description           = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }

  lifecycle {
    ignore_changes = [ip_version]
  }
}

resource "google_compute_global_forwarding_rule" "shop_web" {
  project               = "acme-shop-prod"
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
    team     = "platform"
  }

  lifecycle {
    ignore_changes = [ip_version]
  }
}

resource "google_compute_global_forwarding_rule" "shop_web_ipv6" {
  project               = "acme-shop-prod"
  name                  = "shop-web-ipv6"
  ip_address            = google_compute_global_address.shop_edge_ipv6.address
  ip_protocol           = "TCP"
  port_range            = "443"
  target                = google_compute_target_https_proxy.shop_web.id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  network_tier          = "PREMIUM"
  description           = "Kept by Edgebook (front door shop)"

  labels = {
    edgebook = "shop"
    team     = "platform"
  }

  lifecycle {
    ignore_changes = [ip_version]
  }
}

resource "google_compute_target_https_proxy" "shop_web" {
  project                     = "acme-shop-prod"
  name                        = "shop-web"
  url_map                     = google_compute_url_map.shop.id
  quic_override               = "ENABLE"
  http_keep_alive_timeout_sec = 610
  certificate_map             = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.shop.id}"
  ssl_policy                  = google_compute_ssl_policy.shop_web.id
  description                 = "Kept by Edgebook (front door shop)"
}

resource "google_compute_target_ssl_proxy" "shop_mqtt" {
  project         = "acme-shop-prod"
  name            = "shop-mqtt"
  backend_service = google_compute_backend_service.shop_mqtt.id
  proxy_header    = "PROXY_V1"
  certificate_map = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.shop.id}"
  ssl_policy      = google_compute_ssl_policy.shop_mqtt.id
  description     = "Kept by Edgebook (front door shop)"
}

resource "google_compute_firewall" "shop_allow_lb_blue" {
  project       = "acme-shop-prod"
  name          = "shop-allow-lb-blue"
  network       = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/global/networks/default"
  direction     = "INGRESS"
  priority      = 1000
  source_ranges = ["130.211.0.0/22", "35.191.0.0/16"]
  target_tags   = ["gke-blue-1a2b3c4d-node"]
  disabled      = false
  description   = "Kept by Edgebook (front door shop)"

  allow {
    protocol = "tcp"
    ports    = ["8443", "8883"]
  }
}

resource "google_compute_firewall" "shop_allow_lb_green" {
  project       = "acme-shop-prod"
  name          = "shop-allow-lb-green"
  network       = "https://www.googleapis.com/compute/v1/projects/acme-shop-prod/global/networks/default"
  direction     = "INGRESS"
  priority      = 1000
  source_ranges = ["130.211.0.0/22", "35.191.0.0/16"]
  target_tags   = ["gke-green-1a2b3c4d-node"]
  disabled      = false
  description   = "Kept by Edgebook (front door shop)"

  allow {
    protocol = "tcp"
    ports    = ["8443", "8883"]
  }
}
